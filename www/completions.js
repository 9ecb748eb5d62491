// Completion and argument hints, all from the declarations.

/** The parts of a syntax line that stand for an argument each: words, and whatever one pair of brackets holds. */
export function parts(syntax) {
  const found = [];
  let depth = 0;
  for (const word of syntax.split(" ").filter(Boolean)) {
    if (depth > 0) found[found.length - 1] += ` ${word}`;
    else found.push(word);
    for (const char of word) depth += "[(<".includes(char) ? 1 : "])>".includes(char) ? -1 : 0;
  }
  return found;
}

export class Completions {
  #commands = new Map();
  /** What Tab offers, and which of it is on the prompt. */
  choices = [];
  chosen = -1;
  #typed = "";

  /** @param {{ name: string, summary: string, syntax: string, since: string }[]} commands */
  constructor(commands) {
    for (const command of commands) this.#commands.set(command.name.replace("|", " "), command);
  }

  reset() {
    this.choices = [];
    this.chosen = -1;
  }

  /** The command that the line begins with, and how many words it takes. */
  #command(words) {
    const two = this.#commands.get(words.slice(0, 2).join(" ").toLowerCase());
    if (words.length > 1 && two) return [two, 2];
    return [this.#commands.get((words[0] ?? "").toLowerCase()), 1];
  }

  /** The line as padding, then the arguments that are still to come. */
  hint(line) {
    const words = line.split(/\s+/).filter(Boolean);
    const [command, taken] = this.#command(words);
    if (!command) return "";
    // The syntax line begins with the command's own words.
    const all = parts(command.syntax).slice(taken);
    let given = words.length - taken;
    let at = 0;
    // Options may come in any order and number: once they begin, all of them stay in sight.
    while (given > 0 && at < all.length && !all[at].startsWith("[") && !all[at].endsWith("...]")) {
      at++;
      given--;
    }
    const rest = all.slice(at).join(" ");
    return rest ? `${" ".repeat(line.length)}${/\s$/.test(line) ? "" : " "}${rest}` : "";
  }

  /** One line about the command that the line begins with. */
  about(line) {
    const words = line.split(/\s+/).filter(Boolean);
    const [command] = this.#command(words);
    return command ? `${command.name.replace("|", " ").toUpperCase()}: ${command.summary} Since ${command.since}, ${command.cost}` : "";
  }

  /** The line with the next completion of the command's name. */
  next(line, step) {
    if (this.chosen < 0) {
      this.#typed = line;
      const start = line.trimStart().toLowerCase();
      this.choices = [...this.#commands.keys()].filter((name) => name.startsWith(start)).map((name) => name.toUpperCase()).sort();
    }
    if (this.choices.length === 0) return line;
    this.chosen = this.chosen < 0 ? (step > 0 ? 0 : this.choices.length - 1) : (this.chosen + step + this.choices.length) % this.choices.length;
    return this.choices.length === 1 ? `${this.choices[0]} ` : this.choices[this.chosen] ?? this.#typed;
  }
}
