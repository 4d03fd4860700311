// Keeps the live part of a results page current: a message says that there is a new result, the fragment is fetched
// and patched in place, so that open details, focus, selection and scroll positions stay. A tab nobody looks at
// fetches nothing and catches up when it is looked at again.
"use strict";

(() => {
  const live = document.getElementById("live");
  const sign = document.getElementById("connection");
  const key = encodeURIComponent(live.dataset.key);
  const firstWait = 500;
  const longestWait = 15000;
  const retryWait = 2000;
  let wait = firstWait;
  let connected = false;
  let busy = false;
  let stale = false;

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

  async function fetchPart() {
    const answer = await fetch(`/experiments/${key}/live`);
    // 404 means deleted: what was read last stays, and asking again would not help.
    if (answer.status === 404) return;
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const fresh = document.createElement("div");
    fresh.innerHTML = await answer.text();
    patchChildren(live, fresh);
  }

  // Shows the newest state now, or as soon as the tab is looked at and the server is back.
  async function refresh() {
    stale = true;
    if (busy) return;
    busy = true;
    while (stale && connected && !document.hidden) {
      stale = false;
      try {
        await fetchPart();
      } catch {
        stale = true;
        await new Promise((resolve) => setTimeout(resolve, retryWait));
      }
    }
    busy = false;
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/experiments/${key}/stream`);
    socket.addEventListener("open", () => {
      wait = firstWait;
      connected = true;
      show("on", "Live");
      // Whatever came since the page was made, or while the connection was away, was not announced here.
      refresh();
    });
    socket.addEventListener("message", refresh);
    socket.addEventListener("close", (event) => {
      connected = false;
      if (event.code === 4404) {
        show("off", "This experiment was deleted");
        return;
      }
      show("off", "Reconnecting…");
      setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(longestWait, wait * 2);
    });
  }

  document.addEventListener("visibilitychange", () => {
    if (stale && !document.hidden) refresh();
  });

  // A final result does not change any more.
  if (live.dataset.final === undefined) connect();
})();
