// Runs programs: {program, arrays} on each line of the input; all values of each as JSON on a line of the
// output: at the steps that a trace gives, and in all rows that are kept. The first argument is the folder of the page's modules.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { compile, nested } = await import(pathToFileURL(`${process.argv[2]}/program.js`));
const special = (key, x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x);
for await (const line of createInterface({ input: process.stdin })) {
  const { program, arrays } = JSON.parse(line);
  const values = compile(program).run(arrays);
  const all = Object.entries(values.held).map(([name, { shape, counts, data }]) => [
    name, { steps: values.array(name), rows: nested([...counts, ...shape], data) },
  ]);
  console.log(JSON.stringify(Object.fromEntries(all), special));
}
