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
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      const readers = name === "open" && old.nodeName === "DETAILS";
      if (!fresh.hasAttribute(name) && !readers) old.removeAttribute(name);
    }
  }

  function alike(old, fresh) {
    return (
      old.nodeType === fresh.nodeType &&
      old.nodeName === fresh.nodeName &&
      old.dataset?.key === fresh.dataset?.key
    );
  }

  function patchChildren(old, fresh) {
    const wanted = [...fresh.childNodes];
    wanted.forEach((child, i) => {
      const present = old.childNodes[i];
      if (present && alike(present, child)) patch(present, child);
      else if (present) present.replaceWith(child);
      else old.append(child);
    });
    while (old.childNodes.length > wanted.length) old.lastChild.remove();
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

  connect();
})();
