// What is used of Cloudflare's own module; programs for Workers have its types from elsewhere.
declare module "cloudflare:workers" {
  export class DurableObject<Env = unknown> {
    protected ctx: import("./server/durable-object.js").ObjectContext;
    protected env: Env;
    constructor(ctx: import("./server/durable-object.js").ObjectContext, env: Env);
  }
  export class RpcTarget {}
}
