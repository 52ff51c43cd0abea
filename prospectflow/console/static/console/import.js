// The page that uploads a file, with a bar; and the page that shows how far an import is.
(function () {
    "use strict";

    function uploading(form) {
        const input = form.querySelector("input[type=file]");
        const drop = form.querySelector("[data-drop]");
        const refusal = form.querySelector("[data-refusal]");
        const sending = form.querySelector("[data-sending]");
        const bar = sending.querySelector("progress");
        const button = form.querySelector("button");

        function refuse(sentence) {
            refusal.textContent = sentence;
            refusal.hidden = !sentence;
            if (!sentence) return;
            sending.hidden = true;
            button.disabled = false;
            refusal.scrollIntoView({ block: "nearest" });
        }

        function tooLarge() {
            const file = input.files[0];
            return Boolean(file) && file.size > Number(form.dataset.limit);
        }

        function show(words, share) {
            sending.querySelector("[data-words]").textContent = words;
            if (share === null) bar.removeAttribute("value");
            else bar.value = share;
        }

        function chosen() {
            refuse(tooLarge() ? form.dataset.tooLarge : "");
        }

        function answered(request) {
            let said = {};
            try {
                said = JSON.parse(request.responseText);
            } catch {
                // a proxy's page: the status says enough
            }
            if (said.address) window.location.assign(said.address);
            else if (said.sentence) refuse(said.sentence);
            else if (request.status === 413) refuse(form.dataset.tooLarge);
            else refuse("The server did not take the file: reload the page and try again.");
        }

        function send(event) {
            event.preventDefault();
            if (tooLarge()) {
                refuse(form.dataset.tooLarge);
                return;
            }
            const request = new XMLHttpRequest();
            request.open("POST", window.location.href);
            request.setRequestHeader("Accept", "application/json");
            request.upload.addEventListener("progress", function (sent) {
                const share = Math.floor((100 * sent.loaded) / sent.total);
                const whole = sent.loaded === sent.total;
                show(whole ? "Looking at the file…" : `${share} % uploaded`, whole ? null : share);
            });
            request.addEventListener("load", () => answered(request));
            request.addEventListener("error", () => refuse("The connection broke off: try again."));
            refuse("");
            show("0 % uploaded", 0);
            sending.hidden = false;
            button.disabled = true;
            request.send(new FormData(form));
        }

        for (const name of ["dragenter", "dragover"]) {
            drop.addEventListener(name, function (event) {
                event.preventDefault();
                drop.classList.add("pf-over");
            });
        }
        for (const name of ["dragleave", "drop"]) {
            drop.addEventListener(name, () => drop.classList.remove("pf-over"));
        }
        drop.addEventListener("drop", function (event) {
            event.preventDefault();
            if (!event.dataTransfer.files.length) return;
            input.files = event.dataTransfer.files;
            chosen();
        });
        input.addEventListener("change", chosen);
        form.addEventListener("submit", send);
    }

    function watching(section) {
        const bar = section.querySelector("progress");
        const stage = section.querySelector("[data-stage]");

        function show(said) {
            if (stage.textContent !== said.stage) stage.textContent = said.stage;
            section.querySelector("[data-words]").textContent = said.words;
            if (said.percent === null) bar.removeAttribute("value");
            else bar.value = said.percent;
        }

        async function ask() {
            try {
                const answer = await fetch(section.dataset.progress);
                const said = answer.ok && !answer.redirected ? await answer.json() : null;
                if (said === null || !said.working) {
                    window.location.reload();
                    return;
                }
                show(said);
            } catch {
                // away for a moment: the next second asks again
            }
            window.setTimeout(ask, 1000);
        }
        window.setTimeout(ask, 1000);
    }

    document.querySelectorAll("[data-upload]").forEach(uploading);
    document.querySelectorAll("[data-progress]").forEach(watching);
})();
