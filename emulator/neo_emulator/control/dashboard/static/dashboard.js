// Refreshes elements with data-live="milliseconds" by fetching the page again.
"use strict";

function focusAgain(before) {
  if (!before) return;
  const same = before.id ? document.getElementById(before.id) : [...document.querySelectorAll("a[href]")].find((link) => link.href === before.href);
  same?.focus({ preventScroll: true });
}

function swap(part, fresh) {
  if (part.innerHTML === fresh.innerHTML) return;
  const log = part.querySelector(".log");
  const scrolled = log && log.scrollTop + log.clientHeight < log.scrollHeight - 8 ? log.scrollTop : null;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  part.innerHTML = fresh.innerHTML;
  focusAgain(focused);
  const now = part.querySelector(".log");
  if (now) now.scrollTop = scrolled ?? now.scrollHeight;
}

async function refresh(part) {
  let next = Number(part.dataset.live);
  try {
    if (!document.hidden) {
      const answer = await fetch(location.href, { cache: "no-store" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (fresh) swap(part, fresh);
      if (fresh && !fresh.dataset.live) return; // the job has ended
    }
    document.body.classList.remove("away");
  } catch {
    document.body.classList.add("away"); // the emulator does not respond; keep trying
    next *= 3;
  }
  setTimeout(refresh, next, part);
}

for (const part of document.querySelectorAll("[data-live]")) setTimeout(refresh, Number(part.dataset.live), part);
for (const log of document.querySelectorAll(".log")) log.scrollTop = log.scrollHeight;
