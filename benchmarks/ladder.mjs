// The same files by sharp: `node ladder.mjs SHARP FOLDER OUT`. Each master is decoded once, as many at a time as there
// are cores; qualities, effort and chroma subsampling are those of the rule.
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";

const [modules, folder, out] = process.argv.slice(2);
const sharp = createRequire(join(modules, "x.js"))("sharp");
sharp.concurrency(1);
sharp.cache(false);
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const masters = readdirSync(folder).filter((name) => name.endsWith(".png")).sort();

async function derive(name) {
  const { data, info } = await sharp(join(folder, name)).raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  for (const width of [640, 1280, 1920]) {
    const small = sharp(data, { raw }).resize(width, null, { kernel: "lanczos3" });
    const path = join(out, `${name.slice(0, -4)}-${width}`);
    await small.clone().avif({ quality: 55, effort: 1, chromaSubsampling: "4:2:0" }).toFile(`${path}.avif`);
    await small.clone().webp({ quality: 78, effort: 4 }).toFile(`${path}.webp`);
    await small.clone().jpeg({ quality: 80, progressive: true, optimiseCoding: true }).toFile(`${path}.jpg`);
  }
}

const lanes = Array.from({ length: availableParallelism() }, async () => {
  for (let name; (name = masters.shift()); ) await derive(name);
});
await Promise.all(lanes);
