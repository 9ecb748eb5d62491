// The REST protocol, spoken to the handler directly: what Upstash documents, and what its clients rely on.
import { restHandler } from "cachelet/http";

const TOKEN = "s3cret";

/** A client of a handler on a fresh database. */
async function client(t, options = {}) {
  const db = await t.open();
  const handler = restHandler(db, { token: TOKEN, readOnlyToken: "r3ad", ...options });
  const send = (path, { method, body, headers = {}, token = TOKEN } = {}) =>
    handler(
      new Request(`https://cache.test${path}`, {
        method: method ?? (body === undefined ? "GET" : "POST"),
        headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
        ...(body === undefined ? {} : { body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body) }),
      }),
    );
  const ask = async (path, request) => {
    const response = await send(path, request);
    return [response.status, await response.json()];
  };
  return { db, send, ask };
}

/** Reads the events of a response one after the other. */
function events(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  return {
    async next() {
      for (;;) {
        const end = text.indexOf("\n\n");
        if (end >= 0) {
          const event = text.slice(0, end);
          text = text.slice(end + 2);
          return event;
        }
        const { done, value } = await reader.read();
        if (done) return undefined;
        text += decoder.decode(value, { stream: true });
      }
    },
    cancel: () => reader.cancel(),
  };
}

export default (test) => {
  test("a command in the body", async (t) => {
    const { ask } = await client(t);
    t.equal(await ask("/", { body: ["SET", "a", "1"] }), [200, { result: "OK" }]);
    t.equal(await ask("/", { body: ["incr", "a"] }), [200, { result: 2 }]);
    t.equal(await ask("/", { body: ["GET", "none"] }), [200, { result: null }]);
    t.equal(await ask("/", { body: ["RPUSH", "l", 1, 2.5, true, "é\n\"\\"] }), [200, { result: 4 }]);
    t.equal(await ask("/", { body: ["LRANGE", "l", 0, -1] }), [200, { result: ["1", "2.5", "true", 'é\n"\\'] }]);
    t.equal(await ask("/", { method: "PUT", body: ["GET", "a"] }), [200, { result: "2" }]);
  });

  test("RESP2's shapes: no maps, no doubles, no booleans", async (t) => {
    const { ask } = await client(t);
    await ask("/hset/h/f/1/g/2");
    t.equal(await ask("/hgetall/h"), [200, { result: ["f", "1", "g", "2"] }]);
    await ask("/zadd/z/1.5/a/2/b");
    t.equal(await ask("/zrange/z/0/-1/withscores"), [200, { result: ["a", "1.5", "b", "2"] }]);
    t.equal(await ask("/zscore/z/a"), [200, { result: "1.5" }]);
    t.equal((await ask("/config/get/maxclients"))[1], { result: ["maxclients", "10000"] });
  });

  test("integers keep their digits both ways", async (t) => {
    const { send } = await client(t);
    const response = await send("/", { body: '["SET", "n", 9007199254740993]' });
    t.equal(await response.text(), '{"result":"OK"}');
    t.equal(await (await send("/incr/n")).text(), '{"result":9007199254740994}');
  });

  test("a command in the path, with a body and a query", async (t) => {
    const { ask, db } = await client(t);
    t.equal(await ask("/set/foo/bar/EX/100"), [200, { result: "OK" }]);
    t.equal(db.ttl("foo"), 100);
    t.equal(await ask("/set/foo?EX=50&NX", { body: "value" }), [200, { result: null }]);
    t.equal(await ask("/set/foo?EX=50", { body: '{"json": [1]}' }), [200, { result: "OK" }]);
    t.equal([db.get("foo"), db.ttl("foo")], ['{"json": [1]}', 50]);
    t.equal(await ask("/get/foo?_token=s3cret", { token: null }), [200, { result: '{"json": [1]}' }]);
    await ask("/set/with%20blank%2Fslash/%C3%A9");
    t.equal(db.get("with blank/slash"), "é");
    await ask("/set/raw/%FF%00x");
    t.equal(db.binary().get("raw"), Uint8Array.of(255, 0, 120));
    await ask("/set/bytes", { body: Uint8Array.of(0, 255, 10) });
    t.equal(db.binary().get("bytes"), Uint8Array.of(0, 255, 10));
    await ask("/set/plus/a+b");
    t.equal(db.get("plus"), "a+b");
    const head = await (await client(t)).send("/set/a/1", { method: "HEAD" });
    t.equal(head.status, 200);
  });

  test("pipelines: every command its own result or error", async (t) => {
    const { ask, send } = await client(t);
    t.equal(await ask("/pipeline", { body: [["SET", "k", "v"], ["LPUSH", "k", 1], [], ["GET", "k"], ["NOSUCH"]] }), [
      200,
      [
        { result: "OK" },
        { error: "WRONGTYPE Operation against a key holding the wrong kind of value" },
        { error: "ERR empty pipeline command" },
        { result: "v" },
        { error: "ERR unknown command 'NOSUCH', with args beginning with: " },
      ],
    ]);
    t.equal(await ask("/pipeline", { body: [] }), [400, { error: "ERR empty pipeline request" }]);
    t.equal((await ask("/pipeline/", { body: [["MULTI"], ["INCR", "n"], ["EXEC"]] }))[1], [{ result: "OK" }, { result: "QUEUED" }, { result: [1] }]);
    t.equal((await ask("/get/n"))[1], { result: "1" });
    const large = Array.from({ length: 5000 }, (_, i) => ["SET", `k${i}`, i]);
    t.equal((await (await send("/pipeline", { body: large })).json()).length, 5000);
  });

  test("a transaction opened in one request is not the next one's", async (t) => {
    const { ask } = await client(t);
    t.equal((await ask("/multi"))[1], { result: "OK" });
    t.equal((await ask("/set/a/1"))[1], { result: "OK" });
    t.equal((await ask("/exec")), [400, { error: "ERR EXEC without MULTI" }]);
  });

  test("transactions: all or one error", async (t) => {
    const { ask, db } = await client(t);
    t.equal(await ask("/multi-exec", { body: [["SET", "k", "v"], ["INCR", "k"], ["GET", "k"]] }), [
      200,
      [{ result: "OK" }, { error: "ERR value is not an integer or out of range" }, { result: "v" }],
    ]);
    const [status, { error }] = await ask("/multi-exec", { body: [["SET", "k", "w"], ["GET"]] });
    t.equal(status, 400);
    t.ok(/^EXECABORT .*wrong number of arguments for 'get'/.test(error), error);
    t.equal(db.get("k"), "v");
    t.equal((await ask("/multi-exec", { body: [["SET", "k", "w"], ["BLPOP", "l", 0]] }))[0], 400);
    t.equal(db.get("k"), "v");
  });

  test("base64: every string but a plain OK", async (t) => {
    const { ask, db } = await client(t);
    const headers = { "Upstash-Encoding": "base64" };
    db.set("bin", Uint8Array.of(255, 0, 1));
    db.set("ok", "OK");
    t.equal(await ask("/set/foo/bar", { headers }), [200, { result: "OK" }]);
    t.equal(await ask("/get/foo", { headers }), [200, { result: "YmFy" }]);
    t.equal(await ask("/get/bin", { headers }), [200, { result: "/wAB" }]);
    t.equal(await ask("/get/ok", { headers }), [200, { result: "T0s=" }]);
    t.equal(await ask("/ping", { headers }), [200, { result: "UE9ORw==" }]);
    t.equal(await ask("/type/foo", { headers }), [200, { result: "c3RyaW5n" }]);
    t.equal(await ask("/mget/foo/none", { headers }), [200, { result: ["YmFy", null] }]);
    t.equal(await ask("/incr/foo", { headers }), [400, { error: "ERR value is not an integer or out of range" }]);
    t.equal((await ask("/multi-exec", { headers, body: [["SET", "a", "1"], ["GET", "a"], ["MGET", "a", "ok"]] }))[1], [{ result: "OK" }, { result: "MQ==" }, { result: ["MQ==", "T0s="] }]);
    const large = "x".repeat(100_000);
    db.set("large", large);
    t.equal(atob((await ask("/get/large", { headers }))[1].result), large);
    t.equal((await ask("/get/bin"))[1], { result: "\ufffd\0\u0001" });
  });

  test("replies as RESP2 bytes", async (t) => {
    const { send, ask } = await client(t);
    const headers = { "Upstash-Response-Format": "resp2" };
    const response = await send("/set/a/1", { headers });
    t.equal([response.status, response.headers.get("content-type"), await response.text()], [200, "application/octet-stream", "+OK\r\n"]);
    t.equal(await (await send("/get/none", { headers })).text(), "$-1\r\n");
    t.equal(await (await send("/pipeline", { headers, body: [["GET", "a"], ["NOSUCH"], ["HELLO"]] })).text().then((text) => text.split("\r\n").slice(0, 3)), ["$1", "1", "-ERR unknown command 'NOSUCH', with args beginning with: "]);
    t.equal((await send("/lpush/a/1", { headers })).status, 400);
    t.equal((await ask("/get/a", { headers: { ...headers, "Upstash-Encoding": "base64" } }))[0], 400);
    t.equal((await ask("/get/a", { headers: { "Upstash-Response-Format": "xml" } }))[0], 400);
  });

  test("who may: tokens in the header, bare or as Bearer, or in the query", async (t) => {
    const { ask } = await client(t);
    const refused = [401, { error: "WRONGPASS invalid or missing auth token" }];
    t.equal(await ask("/get/a", { token: null }), refused);
    t.equal(await ask("/get/a", { token: "" }), refused);
    t.equal(await ask("/get/a", { token: "wrong" }), refused);
    t.equal(await ask("/get/a", { token: "s3cre" }), refused);
    t.equal(await ask("/get/a", { token: "s3crets3cret" }), refused);
    t.equal(await ask("/get/a?_token=wrong"), refused);
    t.equal((await ask("/get/a?_token=s3cret", { token: "wrong" }))[0], 200);
    t.equal((await ask("/get/a", { token: null, headers: { authorization: "s3cret" } }))[0], 200);
    t.equal((await ask("/get/a", { token: null, headers: { authorization: "bearer s3cret" } }))[0], 200);
  });

  test("a token for reading reads, and nothing else", async (t) => {
    const { ask, db } = await client(t);
    db.set("a", "1");
    const token = "r3ad";
    for (const path of ["/get/a", "/mget/a/b", "/ping", "/hgetall/h", "/object/encoding/a", "/strlen/a"]) t.equal((await ask(path, { token }))[0], 200, path);
    for (const path of ["/set/a/2", "/del/a", "/flushall", "/config/get/port", "/keys/*", "/scan/0", "/client/list", "/publish/a/b", "/getdel/a", "/getex/a", "/shutdown", "/debug/sleep/0"]) {
      const [status, { error }] = await ask(path, { token });
      t.equal([status, error.split(" ")[0]], [400, "NOPERM"], path);
    }
    t.equal((await ask("/pipeline", { token, body: [["GET", "a"], ["DEL", "a"]] }))[1].map(({ result, error }) => result ?? error.split(" ")[0]), ["1", "NOPERM"]);
    t.equal((await ask("/multi-exec", { token, body: [["GET", "a"], ["DEL", "a"]] }))[0], 400);
    t.equal((await ask("/multi-exec", { token, body: [["GET", "a"]] }))[1], [{ result: "1" }]);
    t.equal(db.get("a"), "1");
  });

  test("what needs a connection that stays is refused", async (t) => {
    const { ask, db } = await client(t);
    db.rpush("l", "x");
    for (const path of ["/blpop/l/0", "/brpop/l/0", "/blmove/l/m/left/right/0", "/blmpop/0/1/l/left", "/bzpopmin/z/0", "/auth/x", "/hello/3", "/select/1", "/watch/a", "/quit", "/reset", "/unsubscribe", "/client/reply/off"]) {
      const [status, { error }] = await ask(path);
      t.equal(status, 400, path);
      t.ok(error.startsWith("ERR Command is not available: '"), error);
    }
    t.equal((await ask("/", { body: ["SUBSCRIBE", "x"] }))[0], 400);
    t.equal(db.llen("l"), 1);
  });

  test("bodies that are no commands", async (t) => {
    const { ask } = await client(t);
    for (const [body, error] of [
      ["", "EOF"],
      ["  ", "EOF"],
      ['"GET"', "expected JSON array"],
      ['{"a":1}', "expected JSON array"],
      ["[]", "ERR empty command"],
      ['["GET", null]', "ERR null args are not supported"],
      ['["GET", {"a":1}]', 'ERR unsupported arg type: "{": json.Delim'],
      ['["GET", ["a"]]', 'ERR unsupported arg type: "[": json.Delim'],
      ['["GET" "a"]', "ERR failed to parse command"],
      ['["GET", "a"', "ERR failed to parse command"],
      ['["GET", "a"] x', "ERR failed to parse command"],
      ['["GET", "a', "ERR failed to parse command"],
      ['["GET", "a\\"]', "ERR failed to parse command"],
      ['["GET", "\\x"]', "ERR failed to parse command"],
      ['["GET", 01]', "ERR failed to parse command"],
      ['["GET", -]', "ERR failed to parse command"],
      ["\ufeff[]", "expected JSON array"],
    ]) {
      t.equal(await ask("/", { method: "POST", body }), [400, { error }], JSON.stringify(body));
    }
    t.equal(await ask("/", { method: "GET" }), [400, { error: "EOF" }]);
    t.equal(await ask("/pipeline", { body: '["GET"]' }), [400, { error: "expected JSON array" }]);
    t.equal((await ask("/", { body: '["ECHO", "\\ud83d\\ude00 \\\\\\" \\n\\u0000", 1e3, -0.5E-2]' }))[0], 400);
    t.equal(await ask("/", { body: ' [ "ECHO" ,\n"\\ud83d\\ude00 \\\\\\" \\n\\u0000" ] ' }), [200, { result: '😀 \\" \n\0' }]);
  });

  test("a body that is too long", async (t) => {
    const { ask } = await client(t, { maxBody: 1000 });
    t.equal(await ask("/", { body: ["SET", "a", "x".repeat(2000)] }).then(([status, { error }]) => [status, /^ERR max request size exceeded\. Limit: 1000 bytes/.test(error)]), [400, true]);
    t.equal((await ask("/set/a", { body: "x".repeat(1000) }))[0], 200);
  });

  test("methods", async (t) => {
    const { send } = await client(t);
    for (const method of ["DELETE", "PATCH", "OPTIONS"]) t.equal((await send("/get/a", { method })).status, 405, method);
  });

  test("without a token: nothing for pages from elsewhere", async (t) => {
    const { ask } = await client(t, { token: null });
    t.equal((await ask("/set/a/1", { token: null }))[0], 200);
    // Browsers set these themselves and let no page do it; in Chromium a Request drops them.
    if (t.runtime !== "chromium") {
      t.equal((await ask("/set/a/2", { token: null, headers: { origin: "https://elsewhere.test" } }))[0], 403);
      t.equal((await ask("/set/a/2", { token: null, headers: { origin: "https://cache.test" } }))[0], 200);
      t.equal((await ask("/set/a/2", { token: null, headers: { "sec-fetch-site": "cross-site" } }))[0], 403);
    }
    t.throws(() => restHandler(undefined, {}), { name: "TypeError" });
    t.throws(() => restHandler(undefined, { token: "" }), { name: "TypeError" });
  });

  test("a database that is opened by the first request, and one that is closed", async (t) => {
    let opened = 0;
    let db;
    const handler = restHandler(async () => (opened++, (db = await t.open())), { token: () => TOKEN });
    const get = (path) => handler(new Request(`https://cache.test${path}`, { headers: { authorization: `Bearer ${TOKEN}` } })).then(async (response) => [response.status, await response.json()]);
    t.equal(opened, 0);
    t.equal(await Promise.all([get("/incr/n"), get("/incr/n")]), [[200, { result: 1 }], [200, { result: 2 }]]);
    t.equal(opened, 1);
    db.close();
    t.equal((await get("/get/n"))[0], 503);
  });

  test("sessions come and go with their requests", async (t) => {
    const { ask, db } = await client(t);
    await ask("/get/a");
    const before = db.instance.figures().sessions;
    for (let i = 0; i < 50; i++) await ask(i % 2 ? "/get/a" : "/pipeline", i % 2 ? {} : { body: [["MULTI"], ["GET", "a"]] });
    t.equal(db.instance.figures().sessions, before);
  });

  test("subscriptions as server-sent events", async (t) => {
    const { send, ask, db } = await client(t);
    const response = await send("/subscribe/chat/other%20room", { method: "POST", body: "[]", headers: { accept: "text/event-stream", "upstash-encoding": "base64" } });
    t.equal([response.status, response.headers.get("content-type")], [200, "text/event-stream"]);
    const heard = events(response);
    t.equal(await heard.next(), "data: subscribe,chat,1");
    t.equal(await heard.next(), "data: subscribe,other room,2");
    t.equal(await ask("/publish/chat/hello"), [200, { result: 1 }]);
    db.publish("other room", "grüezi, all");
    db.publish("chat", "two\nlines");
    db.publish("chat", "x".repeat(300_000));
    t.equal(await heard.next(), "data: message,chat,hello");
    t.equal(await heard.next(), "data: message,other room,grüezi, all");
    t.equal(await heard.next(), "data: message,chat,two\ndata: lines");
    t.equal((await heard.next()).length, "data: message,chat,".length + 300_000);

    const patterns = events(await send("/psubscribe/news:*"));
    t.equal(await patterns.next(), "data: psubscribe,news:*,1");
    db.publish("news:art", "x");
    t.equal(await patterns.next(), "data: pmessage,news:*,news:art,x");

    await heard.cancel();
    t.equal(db.publish("chat", "anybody?"), 0);
    t.equal((await send("/subscribe")).status, 400);
    t.equal((await send("/subscribe/chat", { token: "wrong" })).status, 401);
    // Listeners are admitted by their token, whatever password others need.
    db.call("CONFIG", "SET", "requirepass", "pa ss");
    const admitted = await send("/subscribe/private");
    t.equal(await events(admitted).next(), "data: subscribe,private,1");
    // A listener that reads nothing is held to what the engine keeps for it.
    const deaf = await send("/subscribe/flood");
    for (let i = 0; i < 600 && db.publish("flood", "m".repeat(100_000)) === 1; i++);
    t.equal(db.publish("flood", "x"), 0);
    await deaf.body.cancel();
    db.close();
    t.equal(await patterns.next(), undefined);
  });
};
