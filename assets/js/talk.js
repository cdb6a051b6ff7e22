// The buttons in messages speak to the server through this component.
window.internvl.act = (action, name) => trigger("click", { action, name });
