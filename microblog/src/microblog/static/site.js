// What makes pages more pleasant. Every page works without it.
"use strict";

(() => {
  const here = document.currentScript.dataset;
  const LOOK_EVERY_MS = 60_000;
  const SPOKEN_FROM = 20;
  const CARD_AFTER_MS = 500;
  const CARD_STAYS_MS = 300;
  const CARD_GAP = 24;

  const make = (tag, attributes = {}, ...content) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...content);
    return made;
  };
  const liveRegion = () => make("span", { class: "visually-hidden", role: "status" });
  const change = (area, text, start = 0, end = area.value.length) => {
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };

  // How many characters are left, counted as people count.
  const segmenter = "Segmenter" in Intl ? new Intl.Segmenter() : null;
  const length = (text) => {
    const plain = text.replace(/\r\n?/g, "\n").trim();
    return segmenter ? [...segmenter.segment(plain)].length : [...plain].length;
  };
  const countCharacters = (area) => {
    const maximum = Number(area.dataset.maximum);
    // In a composer it stands beside the button; what it says aloud begins near the end.
    const tools = area.form.querySelector(".composer-tools");
    const counter = make(tools ? "span" : "p", { class: "counter", "aria-hidden": "true" });
    const spoken = liveRegion();
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
  };

  // People to mention: a list below the field while a name is typed, as a combobox (ARIA APG).
  const TYPED_NAME = /(?:^|[^\p{L}\p{M}\p{N}_@#&/])@([\p{L}\p{N}][\p{L}\p{M}\p{N}._-]{0,63})$/u;
  const NAMES_AFTER_MS = 150;
  const namesFound = new Map();
  const findNames = async (typed) => {
    if (!namesFound.has(typed)) {
      const answer = await fetch(`${here.names}?starts=${encodeURIComponent(typed)}`);
      if (!answer.ok || answer.redirected) return [];
      namesFound.set(typed, (await answer.json()).people);
    }
    return namesFound.get(typed);
  };
  const nameOption = ({ username, name }, id) => make(
    "li",
    { id, role: "option", "data-username": username },
    make("bdi", {}, name ?? username),
    name ? make("span", {}, ` @${username}`) : "",
  );
  const offerNames = (area) => {
    const list = make("ul", {
      id: `${area.id}-names`, class: "names", role: "listbox", "aria-label": here.people, hidden: "",
    });
    const spoken = liveRegion();
    area.after(make("div", { class: "names-place" }, list, spoken));
    // The field is a combobox only while it has a list.
    const combobox = {
      role: "combobox", "aria-autocomplete": "list", "aria-haspopup": "listbox",
      "aria-expanded": "true", "aria-controls": list.id, "aria-activedescendant": "",
    };
    let active = null;
    let waiting = 0;
    const typedName = () => area.selectionStart === area.selectionEnd
      && TYPED_NAME.exec(area.value.slice(0, area.selectionEnd))?.[1];
    const activate = (option) => {
      active?.removeAttribute("aria-selected");
      active = option;
      active.setAttribute("aria-selected", "true");
      area.setAttribute("aria-activedescendant", active.id);
    };
    const open = (people) => {
      list.replaceChildren(...people.map((one, at) => nameOption(one, `${list.id}-${at}`)));
      list.hidden = false;
      spoken.textContent = here.found.replace("{count}", people.length);
      for (const [name, value] of Object.entries(combobox)) area.setAttribute(name, value);
      activate(list.firstElementChild);
    };
    const close = () => {
      clearTimeout(waiting);
      list.hidden = true;
      spoken.textContent = "";
      for (const name of Object.keys(combobox)) area.removeAttribute(name);
    };
    const lookUp = async () => {
      const typed = typedName();
      const people = typed ? await findNames(typed) : [];
      if (typed !== typedName() || document.activeElement !== area) return;
      if (people.length > 0) open(people);
      else close();
    };
    const choose = (option) => {
      const end = area.selectionEnd;
      const start = end - typedName().length;
      close();
      change(area, `${option.dataset.username} `, start, end);
    };
    const keys = {
      ArrowDown: () => activate(active.nextElementSibling ?? list.firstElementChild),
      ArrowUp: () => activate(active.previousElementSibling ?? list.lastElementChild),
      Enter: () => choose(active),
      Tab: () => choose(active),
      Escape: close,
    };
    area.addEventListener("input", () => {
      clearTimeout(waiting);
      if (typedName()) waiting = setTimeout(() => lookUp().catch(close), NAMES_AFTER_MS);
      else close();
    });
    area.addEventListener("keydown", (event) => {
      const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
      if (list.hidden || event.isComposing || !isPlain || !(event.key in keys)) return;
      if (!typedName()) {
        close();
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      keys[event.key]();
    });
    area.addEventListener("blur", close);
    // A press on the list leaves the focus in the field.
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option && typedName()) choose(option);
    });
  };

  // Ctrl+Enter sends what is typed; on a Mac, Command and Enter.
  const explainKeys = (form) => {
    const keys = /^(Mac|iP)/.test(navigator.platform) ? "⌘ Enter" : "Ctrl+Enter";
    const hint = make("span", { class: "keys-hint" }, here.keys.replace("{keys}", keys));
    form.querySelector("[type=submit]").before(hint);
  };
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest?.("textarea")?.form;
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    if (!form?.matches("[data-submit-keys]")) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("[type=submit]"));
  });

  // What is typed and not sent is kept in this browser for one person, by the place where it was
  // typed, until it is sent or its person signs out.
  const DRAFTS_MAXIMUM = 20;
  const DRAFT_CHARACTERS = 4000;
  const { reader } = document.body.dataset;
  const stored = (() => {
    try {
      // Whoever had to sign in first has sent nothing.
      if (!reader) sessionStorage.removeItem("sent");
      return reader ? localStorage : null;
    } catch {
      return null;
    }
  })();
  const drafts = {
    keys: () => Object.keys(stored).filter((key) => key.startsWith("draft:")),
    get: (key) => JSON.parse(stored.getItem(key)),
    put: (key, text) => stored.setItem(key, JSON.stringify({ text, at: Date.now() })),
    remove: (key) => stored.removeItem(key),
  };
  const keepDraft = (form) => {
    const key = `draft:${reader}:${form.dataset.draft}`;
    const area = form.querySelector("textarea");
    const note = make("p", { class: "form-text draft-note", role: "status" });
    area.after(note);
    if (!area.value && drafts.get(key)) {
      change(area, drafts.get(key).text);
      const discard = make("button", { type: "button" }, here.discard);
      discard.addEventListener("click", () => {
        change(area, "");
        area.focus();
      });
      note.append(`${here.kept} `, discard);
    }
    area.addEventListener("input", () => {
      if (area.value.trim()) drafts.put(key, area.value.slice(0, DRAFT_CHARACTERS));
      else drafts.remove(key);
      if (!area.value) note.replaceChildren();
    });
    form.addEventListener("submit", () => sessionStorage.setItem("sent", key));
  };
  const tidyDrafts = () => {
    // A form that led to another page was taken; one that comes back has errors.
    const [visit] = performance.getEntriesByType("navigation");
    const wasTaken = visit?.type === "navigate" && visit.redirectCount > 0;
    if (wasTaken) drafts.remove(sessionStorage.getItem("sent"));
    sessionStorage.removeItem("sent");
    const others = drafts.keys().filter((key) => !key.startsWith(`draft:${reader}:`));
    others.forEach(drafts.remove);
    const newest = drafts.keys().sort((one, other) => drafts.get(other).at - drafts.get(one).at);
    newest.slice(DRAFTS_MAXIMUM).forEach(drafts.remove);
  };
  if (stored) {
    tidyDrafts();
    document.addEventListener("submit", (event) => {
      if (event.target.getAttribute("action") === here.signOut) drafts.keys().forEach(drafts.remove);
    });
  }

  // What is said for a moment, to be seen and heard.
  const SAID_FOR_MS = 4_000;
  const toast = make("p", { class: "toast", role: "status" });
  let saying = 0;
  const say = (words) => {
    toast.textContent = words;
    clearTimeout(saying);
    saying = setTimeout(() => toast.replaceChildren(), SAID_FOR_MS);
  };
  document.body.append(toast);

  // Posts change in place: the server answers with the card as it is now, and with no card if the
  // post is gone. Whatever else comes, the ordinary page follows.
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");
  const sendFrom = async (place, address, fields) => {
    fields.set("part", place.matches(".alone") ? "alone" : "card");
    const answer = await fetch(address, { method: "POST", body: new URLSearchParams(fields) });
    if (!answer.ok || answer.redirected) throw new Error(`${answer.status} for ${address}`);
    return parse(await answer.text());
  };
  const replace = (place, part, focused) => {
    const card = part.querySelector("article.post");
    const notes = part.querySelector(".notes");
    const shown = card ?? notes;
    if (place.matches(".joined")) shown.classList.add("joined");
    // Below what it answers, a card need not say whom it answers.
    if (!place.querySelector(".in-reply")) shown.querySelector(".in-reply")?.remove();
    if (card && notes.querySelector(".note-error")) card.lastElementChild.append(notes);
    else if (card) say(notes.textContent.trim());
    else notes.classList.add("here");
    place.replaceWith(shown);
    prepare(shown);
    shown.querySelector(focused)?.focus();
  };
  const acts = document.getElementById("acts");
  const actHere = (button, place) => {
    const focused = button.matches("[aria-pressed]") ? "[aria-pressed]" : "summary, button";
    sendFrom(place, button.formAction, new FormData(acts))
      .then((part) => replace(place, part, focused))
      .catch(() => {
        delete button.dataset.here;
        acts.requestSubmit(button);
      });
  };
  acts?.addEventListener("submit", (event) => {
    const button = event.submitter;
    const place = button?.closest("article.post, .notes.here");
    // Of a post that is deleted on its own page, nothing would be left there.
    if (!place || !button.matches("[data-here]") || button.matches(".alone .harm")) return;
    event.preventDefault();
    actHere(button, place);
  });

  const editHere = (place, address, page) => {
    const form = page.querySelector("form[data-edit]");
    const area = form.querySelector("textarea");
    // The page may have another field with this name.
    const id = `${area.id}-${place.id}`;
    form.querySelector("label").htmlFor = id;
    area.id = id;
    form.action = address;
    form.className = "";
    const editor = make("div", { class: "editor" }, form);
    const close = () => {
      editor.remove();
      place.classList.remove("editing");
      place.querySelector("summary").focus();
    };
    place.querySelector(".editor")?.remove();
    place.querySelector(".post-body").after(editor);
    place.classList.add("editing");
    prepare(editor);
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
    form.addEventListener("keydown", (event) => event.key === "Escape" && close());
    form.querySelector("a").addEventListener("click", (event) => {
      event.preventDefault();
      close();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      sendFrom(place, address, new FormData(form))
        .then((part) => {
          if (part.querySelector("form[data-edit]")) editHere(place, address, part);
          else replace(place, part, "summary");
        })
        .catch(() => HTMLFormElement.prototype.submit.call(form));
    });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-here], a[data-copy]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link.matches("[data-copy]")) {
      if (!navigator.clipboard) return;
      event.preventDefault();
      navigator.clipboard.writeText(link.href).then(() => say(here.copied), () => location.assign(link.href));
      return;
    }
    event.preventDefault();
    const place = link.closest("article.post");
    link.closest("details").open = false;
    fetch(link.href)
      .then((answer) => answer.text())
      .then((html) => editHere(place, link.href, parse(html)))
      .catch(() => location.assign(link.href));
  });

  // What posts and the fields for writing get, also those that come later.
  const prepare = (root) => {
    for (const link of root.querySelectorAll("[data-copy]")) {
      if (navigator.clipboard) link.setAttribute("aria-label", link.dataset.copy);
    }
    root.querySelectorAll("textarea[data-maximum]").forEach(countCharacters);
    if (reader) root.querySelectorAll("textarea[data-mentions]").forEach(offerNames);
    if (reader) root.querySelectorAll("form[data-submit-keys]").forEach(explainKeys);
    if (stored) root.querySelectorAll("form[data-draft]").forEach(keepDraft);
  };
  prepare(document);

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

  // New messages, without reloading; the list is a live region.
  const talk = document.querySelector("[data-messages]");
  const MESSAGES_EVERY_MS = 10_000;
  const fetchMessages = async () => {
    if (document.hidden) return;
    const newest = [...talk.querySelectorAll("[data-message]")].at(-1);
    const after = newest.dataset.message;
    const answer = await fetch(`${talk.dataset.messages}?after=${after}`);
    if (!answer.ok || answer.redirected) {
      clearInterval(polling);
      return;
    }
    const part = document.createElement("template");
    part.innerHTML = await answer.text();
    if (!part.content.querySelector("[data-message]")) return;
    const page = document.documentElement;
    const isAtEnd = page.scrollHeight - page.clientHeight - scrollY < newest.offsetHeight * 2 + 100;
    newest.removeAttribute("id");
    talk.append(part.content);
    if (isAtEnd) scrollTo(0, page.scrollHeight);
  };
  const polling = talk && setInterval(() => fetchMessages().catch(() => {}), MESSAGES_EVERY_MS);

  // How much is unread, at the bell: looked up again while the page is seen, and when it is seen
  // again. Opening the notifications in one tab tells the others.
  const bell = document.querySelector("[data-unread]");
  const lookForUnread = async () => {
    if (document.hidden) return;
    const answer = await fetch(bell.dataset.unread, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) return;
    const { count, label, words } = await answer.json();
    const dot = bell.querySelector(".count-dot");
    if (dot.textContent === (count ? label : "")) return;
    dot.textContent = count ? label : "";
    dot.hidden = count === 0;
    bell.querySelector("[data-words]").textContent = count ? ` (${words})` : "";
    unreadSpoken.textContent = count ? words : "";
  };
  const unreadSpoken = document.createElement("p");
  if (bell) {
    unreadSpoken.className = "visually-hidden";
    unreadSpoken.setAttribute("role", "status");
    document.body.append(unreadSpoken);
    const lookAgain = () => lookForUnread().catch(() => {});
    setInterval(lookAgain, LOOK_EVERY_MS);
    document.addEventListener("visibilitychange", lookAgain);
    addEventListener("pageshow", (event) => event.persisted && lookAgain());
    if ("BroadcastChannel" in window) {
      const tabs = new BroadcastChannel("notifications");
      tabs.addEventListener("message", lookAgain);
      if (bell.getAttribute("aria-current")) tabs.postMessage("read");
    }
  }

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

  // Passkeys, where the browser knows them. Its answer goes with the form as JSON.
  const asked = "PublicKeyCredential" in window
    && "parseRequestOptionsFromJSON" in PublicKeyCredential
    ? document.querySelectorAll("form[data-passkey]") : [];
  const optionsOf = async ({ options, optionsUrl }) => {
    if (options) return JSON.parse(options);
    const answer = await fetch(optionsUrl, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${answer.status} for ${optionsUrl}`);
    return answer.json();
  };
  const askFor = async (form, conditions) => {
    const options = await optionsOf(form.dataset);
    const given = form.dataset.passkey === "create"
      ? await navigator.credentials.create({
          publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options), ...conditions,
        })
      : await navigator.credentials.get({
          publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options), ...conditions,
        });
    form.elements.passkey.value = JSON.stringify(given.toJSON());
    // A button of the form may be named like its method.
    HTMLFormElement.prototype.submit.call(form);
  };
  // Where the user name is typed, the browser offers the passkeys that it has: anew before the
  // challenge is too old, and no longer once the person sends any form.
  const OFFERED_FOR_MS = 240_000;
  const nameField = document.querySelector("input[autocomplete=username]");
  let offered = null;
  const offer = async (form) => {
    if (!nameField || !await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
    nameField.autocomplete = "username webauthn";
    offered?.abort();
    offered = new AbortController();
    const { signal } = offered;
    const renewal = setTimeout(() => offer(form), OFFERED_FOR_MS);
    signal.addEventListener("abort", () => clearTimeout(renewal));
    await askFor(form, { mediation: "conditional", signal }).catch(() => {});
  };
  document.addEventListener("submit", () => offered?.abort(), true);
  for (const form of asked) {
    form.hidden = false;
    const note = document.createElement("p");
    note.className = "form-text";
    note.setAttribute("role", "alert");
    note.textContent = form.dataset.failed;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!form.reportValidity()) return;
      note.remove();
      askFor(form, {}).catch(() => {
        form.querySelector("[type=submit]").after(note);
        if (form.dataset.optionsUrl) offer(form);
      });
    });
    // What is ticked beside the password counts for a passkey too.
    form.addEventListener("formdata", ({ formData }) => {
      for (const box of document.querySelectorAll("main [type=checkbox]:checked")) {
        formData.append(box.name, box.value);
      }
    });
    if (form.dataset.optionsUrl) offer(form);
  }
  if (asked.length > 0) {
    for (const words of document.querySelectorAll("[data-without-passkeys]")) words.hidden = true;
  }

  // The reader's time zone, for pages to come; a choice in the settings goes before it.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const cookie = `${here.cookie}=${encodeURIComponent(zone)}`;
  if (zone && !document.cookie.split("; ").includes(cookie)) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${cookie}; Path=${here.path}; Max-Age=31536000; SameSite=Lax${secure}`;
  }
})();
