// The search as a frame in another page: it takes the colours that its address gave, and tells how high it is.

import "./embed.js";

const HEIGHT = "vitrine-height"; // type of the message that the page around it gets

for (const [name, value] of Object.entries(document.body.dataset)) document.body.style.setProperty(`--vitrine-${name}`, value);

let told = 0;
new ResizeObserver(() => {
  const height = Math.ceil(document.body.getBoundingClientRect().height);
  if (height === told || parent === window) return;
  told = height;
  parent.postMessage({ type: HEIGHT, height }, "*"); // a height is no secret to any page that frames it
}).observe(document.body);
