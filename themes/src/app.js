// What pages do beyond links and forms. Each behaviour hangs on a data attribute; without scripts the page works as well.
import "htmx.org";

const on = (type, selector, run) =>
  document.addEventListener(type, e => {
    const el = e.target instanceof Element && e.target.closest(selector);
    if (el) run(el, e);
  });
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const typing = () => !!document.activeElement?.matches("input, textarea, select, [contenteditable]");

// One live region for what is worth saying aloud.
const say = text => {
  let box = document.getElementById("said");
  if (!box) {
    box = document.createElement("div");
    box.id = "said";
    box.className = "toast toast-end z-50";
    box.setAttribute("role", "status");
    document.body.append(box);
  }
  const line = document.createElement("div");
  line.className = "alert alert-soft alert-success";
  line.textContent = text;
  box.replaceChildren(line);
  clearTimeout(say.timer);
  say.timer = setTimeout(() => box.replaceChildren(), 2000);
};

on("click", "[data-copy]", async el => {
  try {
    await navigator.clipboard.writeText(el.dataset.copy);
    say(el.dataset.copied || "Copied");
  } catch {
    const range = document.createRange();
    const value = el.parentElement.querySelector("span");
    if (value) {
      range.selectNodeContents(value);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }
  }
});

on("click", "[data-theme-set]", el => {
  const theme = el.dataset.themeSet;
  document.cookie = `theme=${theme}; path=/; max-age=${theme ? 31536000 : 0}; samesite=lax` + (location.protocol === "https:" ? "; secure" : "");
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.dispatchEvent(new CustomEvent("bursar:theme"));
});

// A POST form is sent once. Coming back by the back button opens it again.
document.addEventListener("submit", e => {
  const form = e.target;
  if (form.method !== "post" || e.defaultPrevented) return;
  if (form.dataset.sending) {
    e.preventDefault();
    return;
  }
  form.dataset.sending = "1";
  form.dispatchEvent(new Event("htmx:abort")); // a fresh copy of the form would not know that it was sent
  const button = e.submitter;
  if (!button) return;
  button.style.minWidth = `${button.offsetWidth}px`;
  // Disabled only after the form was read, or the button's own value would be missing.
  setTimeout(() => {
    button.setAttribute("aria-disabled", "true");
    const turn = document.createElement("span");
    turn.className = "loading loading-spinner loading-xs";
    turn.dataset.turn = "1";
    button.prepend(turn);
  });
});
// What is being pressed is not swapped away beneath the finger, or the press would be lost: leaving a field asks for prices,
// whose answer may come before the button is let go. A press that was not one in the end asks again.
let pressed = null;
let missed = null;
document.addEventListener("pointerdown", e => (pressed = e.target), true);
document.addEventListener("htmx:beforeSwap", e => {
  if (!pressed || !e.detail.target.contains(pressed)) return;
  e.detail.shouldSwap = false;
  missed = e.detail.elt;
});
for (const end of ["pointerup", "pointercancel"])
  document.addEventListener(
    end,
    () => {
      pressed = null;
      const el = missed;
      missed = null;
      // After the click that may follow.
      if (el) setTimeout(() => el.isConnected && !el.dataset.sending && el.dispatchEvent(new Event("change", { bubbles: true })));
    },
    true,
  );
addEventListener("pageshow", () => {
  for (const form of all("form[data-sending]")) delete form.dataset.sending;
  for (const el of all("[data-turn]")) el.remove();
  for (const el of all("button[aria-disabled]")) el.removeAttribute("aria-disabled");
});

// A slider and the field beside it are one number.
on("input", "[data-twin]", el => {
  const other = document.getElementById(el.dataset.twin);
  if (other) other.value = el.value;
});

on("change", "[data-submit-on-change]", el => el.form?.requestSubmit());
on("change", "[data-check-all]", el => {
  for (const box of all(`input[type=checkbox][name="${CSS.escape(el.dataset.checkAll)}"]`)) box.checked = el.checked;
  picked();
});
on("change", "tbody input[type=checkbox]", () => picked());
const picked = () => {
  for (const box of all("tbody input[type=checkbox]")) box.closest("tr")?.setAttribute("aria-selected", String(box.checked));
  const n = all("tbody input[type=checkbox]:checked").length;
  for (const bar of all("[data-selbar]")) {
    bar.hidden = n === 0;
    const count = bar.querySelector("[data-count]");
    if (count) count.textContent = String(n);
  }
};

// Menus on <details> close when the eye goes elsewhere.
document.addEventListener("click", e => {
  for (const menu of all("details.dropdown[open]")) if (!menu.contains(e.target)) menu.open = false;
});
on("click", "dialog [data-close]", el => el.closest("dialog").close());

// A page that waits asks again and replaces the part that changes, until the part says that it is done.
const poll = el => {
  const wait = Math.max(500, Number(el.dataset.poll) || 2000);
  setTimeout(async () => {
    if (!el.isConnected) return;
    if (document.hidden) return poll(el);
    try {
      const answer = await fetch(el.dataset.pollFrom || location.href, { headers: { "X-Poll": "1" }, credentials: "same-origin" });
      if (!answer.ok) return poll(el);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById(el.id);
      if (!next) return location.reload();
      if (next.outerHTML === el.outerHTML) return poll(el);
      const fresh = document.importNode(next, true);
      el.replaceWith(fresh);
      if (fresh.dataset.poll) poll(fresh);
      else if (fresh.dataset.then) location.assign(fresh.dataset.then);
    } catch {
      poll(el);
    }
  }, wait);
};
all("[data-poll][id]").forEach(poll);

// Keys: one letter presses what carries it, G and a letter goes somewhere, J and K walk through a list.
let here = -1;
let going = 0;
const rows = () => all("[data-href]").filter(r => r.offsetParent !== null);
const walk = step => {
  const list = rows();
  if (!list.length) return;
  here = Math.min(list.length - 1, Math.max(0, here + step));
  list.forEach((r, i) => (i === here ? r.setAttribute("data-here", "") : r.removeAttribute("data-here")));
  list[here].scrollIntoView({ block: "nearest" });
};
const help = () => {
  const box = document.getElementById("keyhelp") ?? document.body.appendChild(Object.assign(document.createElement("dialog"), { id: "keyhelp", className: "keyhelp" }));
  const line = (key, text) => {
    const row = document.createElement("div");
    row.className = "leader";
    const a = document.createElement("span");
    a.textContent = text;
    const b = document.createElement("kbd");
    b.className = "kbd";
    b.textContent = key;
    row.append(a, b);
    return row;
  };
  const title = document.createElement("h2");
  title.textContent = "Keys";
  const list = document.createElement("div");
  list.className = "grid gap-1.5 mt-3 text-sm";
  list.append(line("/", "Search"), line("J K", "Next, previous row"), line("Enter", "Open"), line("Esc", "Close"), line("?", "This list"));
  for (const el of all("[data-key]")) list.append(line(el.dataset.key.toUpperCase(), el.getAttribute("aria-label") || el.textContent.replace(el.querySelector("kbd")?.textContent ?? "", "").trim()));
  for (const el of all("[data-go]")) list.append(line(`G ${el.dataset.go.toUpperCase()}`, el.textContent.trim()));
  const close = document.createElement("button");
  close.className = "btn btn-sm mt-4";
  close.type = "button";
  close.dataset.close = "";
  close.textContent = "Close";
  box.replaceChildren(title, list, close);
  if (!box.open) box.showModal();
};
on("click", "[data-keyhelp]", () => help());
document.addEventListener("keydown", e => {
  if (e.key === "Escape") for (const menu of all("details.dropdown[open], details.ask[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
  if ((e.ctrlKey || e.metaKey) && e.key === "s") {
    const form = document.activeElement?.closest("form[method=post]");
    if (form) {
      e.preventDefault();
      form.requestSubmit();
    }
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey || typing() || document.querySelector("dialog[open]")) return;
  const key = e.key.toLowerCase();
  if (going && e.timeStamp - going < 1500) {
    going = 0;
    const to = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
    if (to) return void (e.preventDefault(), to.click());
  }
  if (key === "g" && document.querySelector("[data-go]")) return void (going = e.timeStamp);
  if (key === "/") {
    const box = document.querySelector("[data-search]");
    if (box) return void (e.preventDefault(), box.focus(), box.select?.());
  }
  if (key === "?") return help();
  if (key === "j" || key === "arrowdown" && here >= 0) return void (e.preventDefault(), walk(1));
  if (key === "k" || key === "arrowup" && here >= 0) return void (e.preventDefault(), walk(-1));
  if (key === "x" && here >= 0) return void rows()[here]?.querySelector("input[type=checkbox]")?.click();
  if (key === "enter" && here >= 0 && (document.activeElement === document.body)) return void location.assign(rows()[here].dataset.href);
  const el = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (el) {
    e.preventDefault();
    el.click();
  }
});

// After a refused form the summary has the focus, so that it is read first.
document.getElementById("errors")?.focus();
