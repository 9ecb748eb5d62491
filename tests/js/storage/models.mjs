// Stores on models of what lies below them. node:fs is a model where this is bundled: see run-storage-node.mjs.
import { model } from "node:fs";
import { files } from "cachelet/storage/files";
import { opfs } from "cachelet/storage/opfs";
import { Files, install } from "./opfs-model.mjs";
import { dice, powerCuts } from "./power-cuts.mjs";
import { conformance } from "./suite.mjs";

const origin = install();
const fresh = (random) => (origin.files = new Files(random));
fresh(dice(1));
let count = 0;

export const suites = {
  "OPFS on a model": conformance({ fresh: () => opfs(`model/${count++}`), many: 150 }),
  "OPFS, power cuts": powerCuts({ model: fresh, storage: opfs("crash") }),
  "files, power cuts": powerCuts({ model, storage: files("model") }),
};
