// The console: a redis-cli whose server is the engine in this page. It speaks RESP to a session of its own, so what
// it prints is what a client on a socket would get.
import { open } from "../dist/platform/browser.js";
import { encodeCommand } from "../dist/resp.js";
import { NodeReader, print } from "../dist/cli/print.js";
import { splitLine } from "../dist/cli/split.js";
import { Completions } from "./completions.js";
import { History } from "./history.js";

const $ = (id) => document.getElementById(id);
const line = $("line");
const text = new TextDecoder();

/** Longest log, in entries: a page that stays open must not grow without end. */
const LOG = 1000;

function log(content, kind) {
  const entry = document.createElement("pre");
  entry.className = kind;
  if (typeof content === "string") entry.textContent = content;
  else entry.append(...content);
  $("log").append(entry);
  while ($("log").childElementCount > LOG) $("log").firstElementChild.remove();
  $("prompt").scrollIntoView({ block: "nearest" });
}

/** One session on the engine, spoken to in RESP. */
class Session {
  #reader = new NodeReader();
  #connection;
  state = { tx: false, db: 0, listening: false };

  constructor(db) {
    this.db = db;
    this.#connect();
  }

  #connect() {
    this.#reader = new NodeReader();
    this.#connection = this.db.instance.connect(
      {
        write: (bytes) => {
          this.#reader.add(bytes);
          for (let node = this.#reader.next(); node !== undefined; node = this.#reader.next()) this.#show(node);
          return true;
        },
        close: () => {
          log("The session was closed; the next command opens another.", "push");
          this.#connection = undefined;
        },
      },
      { internal: false, address: "console", local: "page" },
    );
  }

  #show(node) {
    const kind = node.type === "error" ? "error" : node.type === "push" ? "push" : "reply";
    log(print(node), kind);
    this.#watch(node);
  }

  /** What redis-cli's prompt tells: the database, an open transaction, a session that only listens. */
  #watch(node) {
    const [name = "", argument = ""] = this.sent ?? [];
    const status = node.type === "status" ? text.decode(node.text) : "";
    if (name === "multi" && status === "OK") this.state.tx = true;
    else if (["exec", "discard"].includes(name)) this.state.tx = false;
    else if (name === "select" && status === "OK") this.state.db = Number(argument);
    else if (name === "reset" && status === "RESET") this.state = { tx: false, db: 0 };
  }

  send(words) {
    if (!this.#connection) {
      this.state = { tx: false, db: 0 };
      this.#connect();
    }
    this.sent = words.map((word) => text.decode(word).toLowerCase());
    this.#connection.receive(encodeCommand(words));
  }

  get prompt() {
    return `cachelet${this.state.db ? `[${this.state.db}]` : ""}${this.state.tx ? "(TX)" : ""}>`;
  }
}

async function main() {
  const [db, commands] = await Promise.all([
    open(),
    fetch(new URL("../dist/generated/commands.json", import.meta.url)).then((response) => {
      if (!response.ok) throw new Error(`the command table could not be fetched: ${response.status}`);
      return response.json();
    }),
  ]);
  const session = new Session(db);
  const history = new History();
  const completions = new Completions(commands);

  const refresh = () => {
    $("mark").textContent = session.prompt;
    $("hint").textContent = completions.hint(line.value);
    $("about").textContent = completions.about(line.value) || "Type a command: SET greeting hello, GET greeting, HELLO 3.";
    const { keys, commands: run } = db.instance.figures();
    const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
    $("figures").textContent = `${plural(keys, "key")}, ${plural(run, "command")}, ${(db.instance.door.memory / 1048576).toFixed(1)} MB`;
  };

  const showChoices = () => {
    const { choices, chosen } = completions;
    $("choices").hidden = choices.length < 2;
    $("choices").replaceChildren(
      ...choices.slice(0, 60).map((choice, at) => {
        const item = document.createElement("li");
        item.role = "option";
        item.ariaSelected = String(at === chosen);
        item.textContent = choice;
        return item;
      }),
    );
  };

  $("prompt").addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = line.value;
    const words = splitLine(typed);
    const shown = document.createElement("b");
    shown.textContent = session.prompt;
    log([shown, ` ${typed}`], "sent");
    line.value = "";
    completions.reset();
    showChoices();
    if (words === undefined) log("(error) the quotes do not balance", "error");
    else if (words.length > 0) {
      history.add(typed);
      if (words.length === 1 && text.decode(words[0]).toLowerCase() === "clear") $("log").replaceChildren();
      else {
        try {
          session.send(words);
        } catch (error) {
          log(`(error) ${error.message}`, "error");
        }
      }
    }
    refresh();
  });

  line.addEventListener("input", () => {
    completions.reset();
    showChoices();
    refresh();
  });

  line.addEventListener("keydown", (event) => {
    if (event.key === "Tab" && line.value !== "") {
      event.preventDefault();
      line.value = completions.next(line.value, event.shiftKey ? -1 : 1);
      showChoices();
      refresh();
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      line.value = history.walk(event.key === "ArrowUp" ? -1 : 1, line.value);
      refresh();
    } else if (event.key === "l" && event.ctrlKey) {
      event.preventDefault();
      $("log").replaceChildren();
    }
  });

  // A click into the page means the prompt, unless text was selected.
  $("screen").addEventListener("click", () => {
    if (getSelection()?.isCollapsed) line.focus();
  });

  // Lines that the reference sends along: each is put before the reader, who runs it or not.
  const offered = new URLSearchParams(location.hash.slice(1)).getAll("try");
  const offer = () => {
    if (offered.length > 0 && line.value === "") line.value = offered.shift();
    refresh();
  };
  $("prompt").addEventListener("submit", () => setTimeout(offer));

  line.disabled = false;
  line.focus();
  offer();
  setInterval(refresh, 1000);
}

main().catch((error) => {
  $("about").textContent = "";
  log(`The engine could not be started: ${error.message}`, "error");
});
