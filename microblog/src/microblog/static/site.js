// What makes pages more pleasant. Every page works without it.
"use strict";

(() => {
  const here = document.currentScript.dataset;
  const LOOK_EVERY_MS = 60_000;
  const SPOKEN_FROM = 20;
  const CARD_AFTER_MS = 500;
  const CARD_STAYS_MS = 300;
  const CARD_GAP = 24;

  // How many characters are left, counted as people count.
  const segmenter = "Segmenter" in Intl ? new Intl.Segmenter() : null;
  const length = (text) => {
    const plain = text.replace(/\r\n?/g, "\n").trim();
    return segmenter ? [...segmenter.segment(plain)].length : [...plain].length;
  };
  for (const area of document.querySelectorAll("textarea[data-maximum]")) {
    const maximum = Number(area.dataset.maximum);
    // In a composer it stands beside the button; what it says aloud begins near the end.
    const tools = area.form.querySelector(".composer-tools");
    const counter = document.createElement(tools ? "span" : "p");
    counter.className = "counter";
    counter.setAttribute("aria-hidden", "true");
    const spoken = document.createElement("span");
    spoken.className = "visually-hidden";
    spoken.setAttribute("role", "status");
    const count = () => {
      const left = maximum - length(area.value);
      counter.textContent = String(left);
      counter.classList.toggle("too-long", left < 0);
      spoken.textContent = left <= SPOKEN_FROM ? String(left) : "";
    };
    if (tools) tools.prepend(counter, spoken);
    else area.after(counter, spoken);
    area.addEventListener("input", count);
    count();
  }

  // Passwords can be looked at while they are typed, and say whether they are long enough.
  const FEW_CHARACTERS = 6;
  const judge = (password, { minimum, advised }) => {
    const characters = [...password.normalize("NFC")];
    if (characters.length === 0) return null;
    if (characters.length < Number(minimum)) return "short";
    if (new Set(characters).size < FEW_CHARACTERS) return "plain";
    return characters.length < Number(advised) ? "fair" : "long";
  };
  for (const field of document.querySelectorAll("input[data-show]")) {
    const group = document.createElement("div");
    group.className = "with-button";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = field.dataset.show;
    button.setAttribute("aria-label", field.dataset.showLabel);
    button.setAttribute("aria-controls", field.id);
    const reveal = (shown) => {
      field.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    };
    button.addEventListener("click", () => reveal(field.type === "password"));
    // A browser keeps what was typed into a text field, and offers it to the next person.
    field.form?.addEventListener("submit", () => reveal(false));
    field.replaceWith(group);
    group.append(field, button);
    reveal(false);
    if (!field.dataset.minimum) continue;
    const note = document.createElement("p");
    note.className = "form-text";
    note.setAttribute("role", "status");
    group.after(note);
    field.addEventListener("input", () => {
      const words = field.dataset[judge(field.value, field.dataset)] ?? "";
      if (note.textContent !== words) note.textContent = words;
    });
  }

  // A hint when there is something new, without reloading.
  const hint = document.querySelector("[data-newer]");
  const look = async () => {
    if (document.hidden) return;
    const answer = await fetch(hint.dataset.newer, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const { count } = await answer.json();
    const link = hint.querySelector("a");
    const words = link.querySelector("[data-one]");
    const { one, many } = words.dataset;
    words.textContent = count === 1 ? one : many.replace("{count}", count);
    link.hidden = count === 0;
  };
  if (hint) setInterval(() => look().catch(() => {}), LOOK_EVERY_MS);

  // A card about an author, where a mouse rests on the name and there is room beside the post. It
  // holds nothing to click, so that the keyboard never meets it.
  let card = null;
  let rested = null;
  let waiting = 0;
  const show = async () => {
    const link = rested;
    const answer = await fetch(`${link.pathname}/card`);
    if (!answer.ok || link !== rested) return;
    const made = document.createElement("div");
    made.className = "card";
    made.setAttribute("aria-hidden", "true");
    made.innerHTML = await answer.text();
    hide();
    const post = link.closest("article").getBoundingClientRect();
    document.body.append(made);
    card = made;
    const left = post.right + CARD_GAP;
    if (left + made.offsetWidth + CARD_GAP > document.documentElement.clientWidth) hide();
    made.style.left = `${left + scrollX}px`;
    made.style.top = `${post.top + scrollY}px`;
  };
  const hide = () => {
    card?.remove();
    card = null;
  };
  const wait = (action, milliseconds) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => action()?.catch(() => {}), milliseconds);
  };
  document.addEventListener("pointerover", (event) => {
    const link = event.target.closest(".post-author, .post > a");
    if (event.pointerType !== "mouse" || (link && link === rested)) return;
    rested = link;
    if (card?.contains(event.target)) clearTimeout(waiting);
    else if (link && link.pathname !== location.pathname) wait(show, CARD_AFTER_MS);
    else wait(hide, CARD_STAYS_MS);
  });

  // A menu closes on Escape, on a click elsewhere, and when the focus goes elsewhere.
  const closeMenus = (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (event.type === "keydown" && menu.contains(document.activeElement)) {
        menu.querySelector("summary").focus();
      }
      if (event.type === "keydown" || !menu.contains(event.target)) menu.open = false;
    }
  };
  document.addEventListener("click", closeMenus);
  document.addEventListener("focusin", closeMenus);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    hide();
    closeMenus(event);
  });

  // The reader's time zone, for pages to come; a choice in the settings goes before it.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const cookie = `${here.cookie}=${encodeURIComponent(zone)}`;
  if (zone && !document.cookie.split("; ").includes(cookie)) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${cookie}; Path=${here.path}; Max-Age=31536000; SameSite=Lax${secure}`;
  }
})();
