// The copied command, and what the server makes by it: pictures, arrays, clips.

import * as api from "./api.js";
import { say } from "./status.js";

const byId = (id) => document.getElementById(id);
const wait = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

export class Jobs {
  /** @param items gives what the server makes a command of. */
  constructor(items) {
    this.items = items;
    byId("copy").addEventListener("click", () => this.copy("picture"));
    byId("copy-clip").addEventListener("click", () => this.copy("clip"));
    for (const make of ["picture", "maps", "clip"]) {
      byId(`make-${make}`).addEventListener("click", () => this.make(make));
    }
  }

  /** Shows the command, and puts it where pasting finds it. */
  async copy(make) {
    const { command } = await api.json("command", { ...this.items(), make });
    byId("command").value = command;
    byId("command-line").hidden = false;
    try {
      await navigator.clipboard.writeText(command);
      say("The command is copied.");
    } catch {
      byId("command").select();
      say("Copying is not allowed here; the command is selected.");
    }
  }

  /** Has the server make something, and shows how far it is. */
  async make(make) {
    const row = byId("job").content.firstElementChild.cloneNode(true);
    const [name, bar, cancel] = [".name", "progress", "button"].map((part) => row.querySelector(part));
    byId("jobs").prepend(row);
    try {
      let job = await api.json("jobs", { ...this.items(), make }, { method: "POST" });
      name.textContent = job.name;
      bar.setAttribute("aria-label", `Making ${job.name}`);
      cancel.setAttribute("aria-label", `Cancel ${job.name}`);
      cancel.addEventListener("click", () => api.ask(`jobs/${job.id}`, {}, { method: "DELETE" }));
      while (job.state === "waiting" || job.state === "running") {
        await wait(250);
        job = await api.json(`jobs/${job.id}`);
        if (job.total > 1 && job.frames > 0) [bar.max, bar.value] = [job.total, job.frames];
      }
      bar.remove();
      cancel.remove();
      if (job.state !== "done") {
        row.append(job.state === "failed" ? ` failed: ${job.message}` : " cancelled");
        return;
      }
      const blob = await (await api.ask(`jobs/${job.id}/result`)).blob();
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = job.name;
      link.textContent = job.name;
      name.replaceChildren(link);
      link.click();
      say(`${job.name} is ready.`);
    } catch (error) {
      bar.remove();
      cancel.remove();
      row.append(` ${error.message}`);
    }
  }
}
