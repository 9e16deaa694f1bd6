// The entry of the built program (dist/main.js): starts dist/program.js, which is src/main.ts, from the code that V8 made of it at the
// build. Owns nothing but that order. Must load as little as can be: everything here is compiled anew at every start.
import { runProgram } from "./program.ts";

runProgram(import.meta.url);
