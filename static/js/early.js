/* Runs before the page is drawn: from here on style sheets may count on scripts. Nothing else belongs here. */
document.documentElement.classList.add("js");
