// Tells stories: {program, story, time} on each line of the input; all events with their indices filled in as
// JSON on a line of the output. The first argument is the folder of the page's modules.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const url = (name) => pathToFileURL(`${process.argv[2]}/${name}.js`);
const { compile } = await import(url("program"));
const { Story } = await import(url("story"));
for await (const line of createInterface({ input: process.stdin })) {
  const { program, story, time } = JSON.parse(line);
  const told = new Story(story, compile(program).places, time);
  console.log(JSON.stringify(Array.from({ length: told.count }, (_, i) => told.instance(i + 1))));
}
