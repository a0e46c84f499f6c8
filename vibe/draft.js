addEventListener("message", function start(event) {
  if (window === parent || event.source !== parent || !event.data || event.data.type !== "vibe:draft" || !event.ports[0]) return;
  removeEventListener("message", start);
  var port = event.ports[0], open = false;
  port.onmessage = function (message) {
    var data = message.data;
    if (data.reset || !open) { document.open(); open = true; }
    if (typeof data.text === "string") document.write(data.text);
    var end = document.scrollingElement;
    if (end && data.follow) end.scrollTop = end.scrollHeight;
  };
  port.postMessage({ type: "ready" });
});
