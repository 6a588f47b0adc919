// Folds are open on paper; Escape puts an enlarged picture back.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(d => d.open = true));
addEventListener("keydown", e => {
  if (e.key === "Escape") document.querySelectorAll(".zoom > input:checked").forEach(i => i.checked = false);
});
// A sheet whose columns are steps of a path gets a slider: the same picture behind a window as wide as one column.
document.querySelectorAll("figure[data-frames]").forEach(figure => {
  const image = figure.querySelector("img"), blocks = JSON.parse(figure.dataset.frames);
  const W = +image.getAttribute("width"), H = +image.getAttribute("height");
  const player = document.createElement("div"), slider = document.createElement("input");
  player.className = "player";
  const moves = blocks.map(b => {
    const block = player.appendChild(document.createElement("div"));
    const window_at = (x, width) => {
      const piece = block.appendChild(document.createElement("div")), copy = piece.appendChild(image.cloneNode());
      piece.style.cssText = `width:${width * W}px;height:${b.height * H}px`;
      copy.alt = "";
      copy.style.cssText = `width:${W}px;height:${H}px;margin:${-b.y * H}px 0 0 ${-x * W}px`;
      return copy;
    };
    if (b.left) window_at(b.x, b.left);
    const moving = window_at(b.x + b.left, b.step);
    return k => moving.style.marginLeft = `${-(b.x + b.left + Math.min(k, b.columns - 1) * b.step) * W}px`;
  });
  Object.assign(slider, {type: "range", min: 0, max: Math.max(...blocks.map(b => b.columns)) - 1});
  slider.setAttribute("aria-label", "Step along the path");
  slider.oninput = () => moves.forEach(move => move(+slider.value));
  slider.value = slider.max >> 1;
  slider.oninput();
  player.prepend(slider);
  figure.prepend(player);
});
