// Picks from what is on the page already; without script everything shows that print shows.
(function () {
  "use strict";
  var form = document.querySelector("form.price");
  if (!form) return;
  var stops = JSON.parse(form.dataset.stops);
  var slider = form.querySelector("input");
  var segments = Array.prototype.slice.call(form.querySelectorAll(".segments span"));
  function show() {
    var stop = stops[slider.value];
    segments.forEach(function (each) { each.classList.toggle("on", each.title === stop[1]); });
    form.querySelector("output").textContent = stop[0];
    form.querySelector(".pick").textContent = stop[1];
    form.querySelector(".monthly").textContent = stop[2];
    form.querySelector(".running").textContent = stop[3];
    slider.setAttribute("aria-valuetext", stop[0] + ": " + stop[1]);
  }
  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  slider.addEventListener("input", show);
  show();
})();
// What is folded away is printed too.
(function () {
  "use strict";
  var folded = document.querySelectorAll(".because details, .methods");
  function open(is) {
    return function () { folded.forEach(function (each) { each.open = is; }); };
  }
  window.addEventListener("beforeprint", open(true));
  window.addEventListener("afterprint", open(false));
})();
// Answers from documents, bin by bin.
(function () {
  "use strict";
  var form = document.querySelector("form.cases-filter");
  if (!form) return;
  var cases = Array.prototype.slice.call(document.querySelectorAll(".cases > details"));
  function show() {
    var bin = form.elements.bin.value;
    var count = 0;
    cases.forEach(function (each) {
      each.hidden = bin !== "" && each.dataset.bin !== bin;
      if (!each.hidden) count += 1;
    });
    form.querySelector("output").textContent = bin === "" ? "" : count + " of " + cases.length;
  }
  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("change", show);
})();
// Any two arms, example by example.
(function () {
  "use strict";
  var box = document.querySelector(".differ");
  if (!box) return;
  var table = JSON.parse(box.dataset.table);
  var form = box.querySelector("form");
  var rows = box.querySelector("tbody");
  var heads = box.querySelectorAll("th");
  function counts(a, b) {
    var straight = table.pairs[a + "," + b];
    var turned = table.pairs[b + "," + a];
    return straight || turned && [turned[0], turned[2], turned[1], turned[3]];
  }
  function cell(row, tag, text, scope) {
    var made = document.createElement(tag);
    made.textContent = text;
    if (scope) made.scope = scope;
    row.appendChild(made);
  }
  function answer(pair) {
    var score = pair[0];
    var mark = score === 1 ? "✓ " : score === 0 ? "✕ " : Math.round(100 * score) + " % ";
    return pair[1] < 0 ? "! failed" : mark + table.texts[pair[1]];
  }
  function show() {
    var a = form.elements.a.selectedIndex;
    var b = form.elements.b.selectedIndex;
    var four = counts(a, b);
    rows.textContent = "";
    heads[2].textContent = table.arms[a];
    heads[3].textContent = table.arms[b];
    if (!four) {
      form.querySelector("output").textContent = "the same arm twice";
      box.querySelector(".scroll").hidden = true;
      return;
    }
    table.examples.forEach(function (example) {
      var one = example.answers[a];
      var other = example.answers[b];
      if (one[0] === other[0]) return;
      var row = document.createElement("tr");
      cell(row, "th", example.input, "row");
      cell(row, "td", example.reference);
      cell(row, "td", answer(one));
      cell(row, "td", answer(other));
      rows.appendChild(row);
    });
    box.querySelector(".scroll").hidden = !rows.children.length;
    var only = table.graded ? [" A better", " B better", " alike, not right"] : [" only A", " only B", " neither"];
    form.querySelector("output").textContent = four[0] + " both right, " + four[1] + only[0] + ", " +
      four[2] + only[1] + ", " + four[3] + only[2] + "; listed " + rows.children.length + " of " +
      (four[1] + four[2]) + " that differ";
  }
  box.querySelectorAll("[hidden]").forEach(function (each) { each.hidden = false; });
  box.classList.add("live");
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("change", show);
  show();
})();
// Filters and a button over the samples.
(function () {
  "use strict";
  var list = document.querySelector(".samples");
  if (!list) return;
  var items = Array.prototype.slice.call(list.children);
  var form = document.querySelector(".samples-filter");
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
