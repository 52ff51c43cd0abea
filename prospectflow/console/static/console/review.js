// Keys of the review page: A approve, S skip, J or → next, E edit, Esc leave the text,
// Ctrl+Enter save. They are off while somebody types, except the last two.
(function () {
    "use strict";

    function typing(element) {
        return element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
    }

    function press(selector) {
        const target = document.querySelector(selector);
        if (target) target.click();
        return Boolean(target);
    }

    document.addEventListener("keydown", function (event) {
        if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
            if (press("[data-save]")) event.preventDefault();
            return;
        }
        if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
        if (typing(event.target)) {
            if (event.key === "Escape") event.target.blur();
            return;
        }
        const key = event.key === "ArrowRight" ? "j" : event.key.toLowerCase();
        if (key === "e") {
            document.querySelector("#review-form textarea").focus();
            event.preventDefault();
        } else if (/^[asj]$/.test(key) && press(`[data-key="${key}"]`)) {
            event.preventDefault();
        }
    });
})();
