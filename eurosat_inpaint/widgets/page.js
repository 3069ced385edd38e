// What ipywidgets cannot do: give every control a name, keep keys from the notebook around it,
// refuse what the server would not take, copy and save. Called with an element in an explorer.
function (marker) {
  const root = marker.closest(".eurosat-explorer");

  function name() {
    for (const label of root.querySelectorAll(".widget-label")) {
      const handles = label.parentElement.querySelectorAll(".noUi-handle, .ui-slider-handle");
      handles.forEach((handle, place) => {
        const end = handles.length > 1 ? [", from", ", to"][place] : "";
        handle.setAttribute("aria-label", label.textContent + end);
      });
      const readout = label.parentElement.querySelector(".widget-readout");
      if (readout) {
        readout.setAttribute("role", "textbox");
        readout.setAttribute("aria-label", label.textContent + ", value");
      }
    }
    for (const row of root.querySelectorAll(".explorer-row")) {
      const cells = row.querySelectorAll(".explorer-cell");
      row.querySelectorAll("img").forEach((image, place) => {
        const lines = cells[place]?.querySelectorAll("p") ?? [];
        image.alt = [...lines].map((line) => line.textContent).join(". ");
      });
    }
    for (const link of root.querySelectorAll("a[download]:not([data-taken])")) {
      link.dataset.taken = "yes";
      link.click();
    }
  }

  function say(words) {
    const note = document.createElement("p");
    note.className = "explorer-note";
    note.textContent = words;
    root.querySelector(".explorer-message").replaceChildren(
      ...root.querySelectorAll(".explorer-message .widget-html-content"), note);
  }

  for (const content of root.querySelectorAll(".explorer-message, .explorer-figures")) {
    content.setAttribute("role", content.matches(".explorer-message") ? "alert" : "status");
  }
  name();
  // Sliders at once; what is said of pictures not while a slider moves, since these go first.
  let waiting;
  new MutationObserver(() => {
    clearTimeout(waiting);
    const isNew = root.querySelector(".noUi-handle:not([aria-label])");
    waiting = setTimeout(name, isNew ? 0 : 100);
  }).observe(root, { childList: true, characterData: true, subtree: true });

  // Before JupyterLab, which listens at the document, looks for a shortcut.
  window.addEventListener("keydown", function keep(event) {
    if (!root.isConnected) {
      window.removeEventListener("keydown", keep, true);
      return;
    }
    if (root.contains(event.target)) {
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      event.target.toggleAttribute("data-lm-suppress-shortcuts", plain);
    }
  }, true);

  for (const kind of ["pointerdown", "keydown"]) {
    root.addEventListener(kind, () => root.querySelector(".explorer-note")?.remove(), true);
  }
  function refuse(event) {
    const limit = Number(marker.dataset.megabytes);
    for (const file of event.target.files) {
      if (file.size > 1e6 * limit) {
        event.stopImmediatePropagation();
        event.target.value = "";
        const size = (file.size / 1e6).toFixed(1);
        const advice = root.querySelector(".explorer-path") ? ", or give its path" : "";
        say(`${file.name} has ${size} MB, and at most ${limit} MB can be uploaded: make it ` +
          `smaller${advice}.`);
        return;
      }
    }
  }

  // The input that takes a file is not in the page: it shows itself when its button clicks it.
  root.addEventListener("click", (event) => {
    if (!event.target.closest(".widget-upload")) return;
    const inputs = HTMLInputElement.prototype;
    const click = inputs.click;
    inputs.click = function () {
      inputs.click = click;
      this.addEventListener("change", refuse, true);
      this.click();
    };
    setTimeout(() => { inputs.click = click; });
  }, true);

  root.addEventListener("click", (event) => {
    if (event.target.closest(".explorer-copy")) {
      root.querySelector("textarea").select();
      document.execCommand("copy");
      say("The code is copied.");
    }
  });
}
