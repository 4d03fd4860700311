// Keeps the live part of a results page current: a message says that there is a new result, the fragment is fetched
// and patched in place, so that open details, focus, selection and scroll positions stay.
"use strict";

(() => {
  const live = document.getElementById("live");
  const sign = document.getElementById("connection");
  const key = encodeURIComponent(live.dataset.key);
  const firstWait = 500;
  const longestWait = 15000;
  let wait = firstWait;
  let busy = false;
  let again = false;

  function show(state, words) {
    // Only a change is written, so that screen readers hear it once.
    if (sign.textContent === words) return;
    sign.className = `connection ${state}`;
    sign.textContent = words;
    sign.hidden = false;
  }

  function patchAttributes(old, fresh) {
    for (const attribute of fresh.attributes) {
      if (old.getAttribute(attribute.name) !== attribute.value) old.setAttribute(attribute.name, attribute.value);
    }
    for (const attribute of [...old.attributes]) {
      const isReaders = attribute.name === "open" && old.nodeName === "DETAILS";
      if (!fresh.hasAttribute(attribute.name) && !isReaders) old.removeAttribute(attribute.name);
    }
  }

  // What an element is known by among its siblings, so that one that comes or goes does not disturb the others.
  const name = (node) => node.dataset?.key ?? node.getAttribute?.("aria-labelledby") ?? null;

  const alike = (old, fresh) =>
    old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && name(old) === name(fresh);

  // The first old sibling from `start` on that `fresh` can be patched into; a nameless node only takes the next place.
  function counterpart(start, fresh) {
    if (name(fresh) === null) return start && alike(start, fresh) ? start : null;
    for (let node = start; node; node = node.nextSibling) {
      if (alike(node, fresh)) return node;
    }
    return null;
  }

  function patchChildren(old, fresh) {
    let next = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const match = counterpart(next, child);
      if (!match) {
        old.insertBefore(child, next);
        continue;
      }
      while (next !== match) {
        const gone = next;
        next = next.nextSibling;
        gone.remove();
      }
      next = match.nextSibling;
      patch(match, child);
    }
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
  }

  function patch(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = fresh.nodeValue;
      return;
    }
    patchAttributes(old, fresh);
    patchChildren(old, fresh);
  }

  async function refresh() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const answer = await fetch(`/experiments/${key}/live`);
      if (answer.ok) {
        const fresh = document.createElement("div");
        fresh.innerHTML = await answer.text();
        patchChildren(live, fresh);
      }
    } catch {
      // The connection is gone; the socket notices as well and tries again.
    }
    busy = false;
    if (again) {
      again = false;
      refresh();
    }
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/experiments/${key}/stream`);
    const reconnecting = wait > firstWait;
    socket.addEventListener("open", () => {
      wait = firstWait;
      show("on", "Live");
      if (reconnecting) refresh();
    });
    socket.addEventListener("message", refresh);
    socket.addEventListener("close", (event) => {
      if (event.code === 4404) {
        show("off", "This experiment was deleted");
        return;
      }
      show("off", "Reconnecting…");
      setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(longestWait, wait * 2);
    });
  }

  // A final result does not change any more.
  if (live.dataset.final === undefined) connect();
})();
