// Bundlers for Workers and Deno hand in a compiled module for such an import.
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
