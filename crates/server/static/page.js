// A button that shows a password while it is typed. Without scripts the pages work as well.
"use strict";
for (const input of document.querySelectorAll(".secret > input[type=password]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal";
  button.textContent = "Show";
  button.setAttribute("aria-label", "Show the password");
  button.setAttribute("aria-controls", input.id);
  button.setAttribute("aria-pressed", "false");
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.addEventListener("click", () => show(input.type === "password"));
  // Sent as a password, so that the browser offers to remember it and forgets it in the list of texts.
  input.form.addEventListener("submit", () => show(false));
  input.after(button);
}
