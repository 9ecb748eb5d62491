// The reference page: finds commands as one types, and opens the one that the address names.

const commands = [...document.querySelectorAll("details.command")];
const find = document.getElementById("find");

function filter() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const command of commands) command.hidden = !words.every((word) => command.dataset.words.includes(word));
  for (const section of document.querySelectorAll("section:not(#all)")) section.hidden = !section.querySelector("details:not([hidden])");
  const left = commands.filter((command) => !command.hidden).length;
  document.getElementById("count").textContent = left === 1 ? "1 command" : `${left} commands`;
}

function open() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) named.open = true;
}

find.addEventListener("input", filter);
addEventListener("hashchange", open);
open();
