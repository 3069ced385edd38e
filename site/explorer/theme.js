// Light or dark as chosen on the site's pages, before anything is drawn; else as the system has it.
const theme = localStorage.getItem("theme");
if (theme === "light" || theme === "dark") document.documentElement.style.colorScheme = theme;
