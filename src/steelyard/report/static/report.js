// Filters and a button over what is on the page already; without script everything shows.
(function () {
  "use strict";
  var list = document.querySelector(".samples");
  if (!list) return;
  var items = Array.prototype.slice.call(list.children);
  var form = document.querySelector(".filter");
  var more = document.querySelector(".more");
  var first = 8;
  var all = items.length <= first;
  function wanted(item) {
    var arm = form.elements.arm.value;
    var label = form.elements.label ? form.elements.label.value : "";
    if (arm && item.dataset.missed.split(" ").indexOf(arm) < 0) return false;
    return !label || item.dataset.label === label;
  }
  function show() {
    var found = items.filter(wanted);
    items.forEach(function (item) { item.hidden = true; });
    found.forEach(function (item, i) { item.hidden = !all && i >= first; });
    more.hidden = all || found.length <= first;
    more.querySelector("button").textContent = "Show all " + found.length;
    form.querySelector("output").textContent =
      found.length + (found.length === 1 ? " example" : " examples");
  }
  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("change", show);
  more.querySelector("button").addEventListener("click", function () { all = true; show(); });
  show();
})();
