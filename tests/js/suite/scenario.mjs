// What people use a Redis for (tests/scenario), through the in-process client and through its portable twin.
import { parts } from "../../scenario/scenario.mjs";

/** A door onto a client. */
function door(client, listen = client) {
  return {
    call: async (...argv) => client.call(...argv),
    multi: async (commands) => {
      const multi = client.multi();
      for (const argv of commands) multi.call(...argv);
      return multi.exec();
    },
    session: async () => door(client.client(), listen),
    async subscribe(channel, heard) {
      const subscription = await listen.subscribe(channel, ({ message }) => heard(message));
      return () => subscription.unsubscribe();
    },
    close: async () => client.close(),
  };
}

export default (test) => {
  const doors = { "in-process": (db) => db, portable: (db) => db.portable() };
  for (const [name, client] of Object.entries(doors)) {
    for (const [part, run] of Object.entries(parts)) {
      // Its workers wait for jobs, which only the portable client does: no test rather than one that cannot fail.
      if (part === "workQueue" && name === "in-process") continue;
      test(`${name}: ${part}`, async (t) => {
        const remark = await run(door(client(await t.open())), (key) => `scenario:${key}`);
        t.equal(remark, undefined);
      });
    }
  }
};
