// Filters and a button over what is on the page already; without script everything shows.
(function () {
  "use strict";
  var list = document.querySelector(".samples");
  if (!list) return;
  var items = Array.prototype.slice.call(list.children);
  var form = document.querySelector(".filter");
  var more = document.querySelector(".more");
  var totals = JSON.parse(form.dataset.totals);
  var first = 8;
  var all = items.length <= first;
  function chosen(name) {
    return form.elements[name] ? form.elements[name].value : "";
  }
  // How many there are in the whole test split: the page shows a choice of them.
  function whole() {
    var of = (totals[chosen("arm")] || {})[chosen("label")];
    var what = chosen("arm") ? " missed by " + chosen("arm") : " test examples";
    return (of === undefined ? "" : " of " + of) + what;
  }
  function wanted(item) {
    var arm = chosen("arm");
    var label = chosen("label");
    if (arm && item.dataset.missed.split(" ").indexOf(arm) < 0) return false;
    return !label || item.dataset.label === label;
  }
  function show() {
    var found = items.filter(wanted);
    items.forEach(function (item) { item.hidden = true; });
    found.forEach(function (item, i) { item.hidden = !all && i >= first; });
    more.hidden = all || found.length <= first;
    more.querySelector("button").textContent = "Show these " + found.length;
    form.querySelector("output").textContent = found.length + whole();
  }
  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("change", show);
  more.querySelector("button").addEventListener("click", function () { all = true; show(); });
  show();
})();
