// Light, dark, or as the system says.

import { setText } from "./dom.js";

const KEY = "bandplan-theme";
const ALL = ["auto", "light", "dark"];

export function offer(button) {
  let theme = ALL.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "auto";
  const show = () => {
    document.documentElement.dataset.theme = theme;
    setText(button, `Theme: ${theme}`);
  };
  button.addEventListener("click", () => {
    theme = ALL[(ALL.indexOf(theme) + 1) % ALL.length];
    localStorage.setItem(KEY, theme);
    show();
  });
  show();
}
