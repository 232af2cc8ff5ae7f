// Loads the elements, again and again where the line is bad: a page whose script was lost on its way would stay empty.

const LONGEST_MS = 10_000; // between two attempts

async function start() {
  for (let wait = 500; ; wait = Math.min(LONGEST_MS, 2 * wait)) {
    try {
      await import("./embed.js");
      return;
    } catch (error) {
      console.warn("The search cannot be loaded yet:", error);
      const drawn = wait * (0.5 + Math.random());
      await new Promise((resolve) => {
        setTimeout(resolve, drawn);
        addEventListener("online", resolve, { once: true });
      });
    }
  }
}

start();
