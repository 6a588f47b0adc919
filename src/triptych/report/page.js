// Escape puts an enlarged picture back.
addEventListener("keydown", e => {
  if (e.key === "Escape") document.querySelectorAll(".zoom > input:checked").forEach(i => i.checked = false);
});
// A sheet that one can step through gets a slider. Each piece is a window behind which the same picture moves.
document.querySelectorAll("figure[data-frames]").forEach(figure => {
  const image = figure.querySelector("img"), W = +image.getAttribute("width"), H = +image.getAttribute("height");
  const player = document.createElement("div"), slider = document.createElement("input"), pieces = [];
  const add = parent => parent.appendChild(document.createElement("div"));
  for (const lines of JSON.parse(figure.dataset.frames)) {
    const block = add(player);
    for (const line of lines) {
      const row = add(block);
      for (const places of line) {
        const copy = add(row).appendChild(image.cloneNode());
        copy.alt = "";
        pieces.push([copy, places]);
      }
    }
  }
  const move = (copy, [x, y, width, height]) => {
    copy.parentNode.style.cssText = `width:min(${width * W}px, 100cqw - .9rem);aspect-ratio:${width * W}/${height * H}`;
    copy.style.cssText = `width:${100 / width}%;margin:${-100 * y * H / (width * W)}% 0 0 ${-100 * x / width}%`;
  };
  const steps = Math.max(...pieces.map(([, places]) => places.length));
  const show = () => {
    pieces.forEach(([copy, places]) => move(copy, places[Math.min(slider.value, places.length) - 1]));
    slider.setAttribute("aria-valuetext", `${slider.value} of ${steps}`);
  };
  player.className = "player";
  Object.assign(slider, {type: "range", min: 1, max: steps, value: steps + 1 >> 1, oninput: show});
  slider.setAttribute("aria-label", "Step through " + figure.querySelector("figcaption b").textContent);
  show();
  player.prepend(slider);
  figure.prepend(player);
});
