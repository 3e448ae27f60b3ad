// Runs programs: [{program, arrays}] from a file; all values of each as JSON on the output.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const { compile } = await import(pathToFileURL(`${folder}/program.js`));
const special = (key, x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x);
const found = JSON.parse(readFileSync(file)).map(({ program, arrays }) => {
  const compiled = compile(program);
  const start = performance.now();
  const values = compiled.run(arrays);
  const milliseconds = performance.now() - start;
  const all = Object.keys(program.names).map((name) => [name, values.array(name)]);
  return { values: Object.fromEntries(all), milliseconds };
});
console.log(JSON.stringify(found, special));
