// A video's frames: the slider, the keys' steps, playing, and the entropy of each frame's attention that is known.

import * as api from "./api.js";

const byId = (id) => document.getElementById(id);

/** Frames in an order that fills a line coarsely at first: 0, the middle, the quarters, … */
function* spread(count) {
  const seen = new Set();
  for (let parts = 1; parts < 2 * count; parts *= 2) {
    for (let i = 0; i < parts; i++) {
      const frame = Math.floor((i * count) / parts);
      if (!seen.has(frame)) {
        seen.add(frame);
        yield frame;
      }
    }
  }
}

export class Timeline {
  /**
   * @param onFrame told the frame to show; its promise is waited for while playing.
   */
  constructor(onFrame) {
    this.onFrame = onFrame;
    this.known = new Map();
    this.playing = false;
    this.root = byId("timeline");
    this.slider = byId("frame");
    this.number = byId("frame-number");
    this.chart = byId("entropy");
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.number.addEventListener("change", () => this.go(Number(this.number.value)));
    byId("previous").addEventListener("click", () => this.step(-1));
    byId("next").addEventListener("click", () => this.step(1));
    byId("play").addEventListener("click", () => (this.playing ? this.stop() : this.play()));
    this.chart.addEventListener("pointerdown", (event) => {
      this.chart.setPointerCapture(event.pointerId);
      this.goTo(event);
    });
    this.chart.addEventListener("pointermove", (event) => { if (event.buttons) this.goTo(event); });
    addEventListener("resize", () => this.draw());
  }

  /** Shows where a video stands; a picture has no timeline. */
  show(media, frame, model) {
    const key = media && JSON.stringify([media.id, model]);
    const isVideo = media?.kind === "video";
    this.root.hidden = !isVideo;
    if (key !== this.key) {
      this.stop();
      this.filling?.abort();
      this.known = new Map();
      Object.assign(this, { key, media, model });
    }
    if (!isVideo) return;
    this.count = Math.max(1, media.frames ?? frame + 1);
    this.frame = frame;
    this.slider.max = this.count - 1;
    this.slider.value = frame;
    this.number.max = this.count - 1;
    this.number.value = frame;
    byId("frame-count").textContent = `of ${this.count}`;
    this.draw();
  }

  /** Notes the entropy of a frame, in nats. */
  note(frame, nats) {
    this.known.set(frame, nats);
    this.draw();
  }

  goTo(event) {
    const box = this.chart.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    this.go(Math.floor(Math.min(0.9999, Math.max(0, share)) * this.count));
  }

  go(frame) {
    this.stop();
    const wanted = Math.min(this.count - 1, Math.max(0, Math.round(frame) || 0));
    if (wanted !== this.frame) this.onFrame(wanted);
  }

  step(by) { if (!this.root.hidden) this.go(this.frame + by); }

  // Playing

  stop() {
    this.playing = false;
    byId("play").setAttribute("aria-pressed", "false");
    byId("play").textContent = "Play";
    byId("rate").textContent = "";
  }

  /** One frame after the other, as fast as they are looked at and no faster than the video. */
  async play() {
    this.playing = true;
    byId("play").setAttribute("aria-pressed", "true");
    byId("play").textContent = "Pause";
    const least = 1000 / (this.media.frames_per_second ?? 25);
    let last = performance.now();
    while (this.playing) {
      const frame = this.frame + 1 < this.count ? this.frame + 1 : 0;
      await this.onFrame(frame);
      const now = performance.now();
      if (now - last < least) await new Promise((resolve) => { setTimeout(resolve, least - (now - last)); });
      const seconds = (performance.now() - last) / 1000;
      if (this.playing) byId("rate").textContent = `${(1 / seconds).toFixed(seconds > 1 ? 2 : 1)} frames a second`;
      last = performance.now();
    }
  }

  // Entropy

  /** Looks at the frames that nobody has looked at, while nothing else is to do. Going on elsewhere ends it. */
  async fill() {
    if (this.root.hidden || this.playing) return;
    this.filling?.abort();
    this.filling = new AbortController();
    const { filling: { signal }, media, model } = this;
    for (const frame of spread(this.count)) {
      if (signal.aborted || document.hidden) return;
      if (this.known.has(frame)) continue;
      try {
        const answer = await api.json(
          api.frame(media.id, frame, "entropy"), { model, background: 1 }, { signal });
        if (!signal.aborted) this.note(frame, answer.entropy_nats);
      } catch {
        return;
      }
    }
  }

  pause() { this.filling?.abort(); }

  draw() {
    if (this.root.hidden) return;
    const { chart } = this;
    const ratio = Math.min(2, devicePixelRatio);
    [chart.width, chart.height] = [chart.clientWidth * ratio, chart.clientHeight * ratio];
    const context = chart.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const values = [...this.known.values()].filter(Number.isFinite);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const x = (frame) => ((frame + 0.5) / this.count) * chart.width;
    const y = (nats) => chart.height * (high > low ? 0.88 - (0.76 * (nats - low)) / (high - low) : 0.5);
    context.fillStyle = style.getPropertyValue("--accent");
    context.strokeStyle = style.getPropertyValue("--accent");
    context.lineWidth = 1.5 * ratio;
    context.beginPath();
    for (const [frame, nats] of [...this.known].sort(([a], [b]) => a - b)) {
      if (!Number.isFinite(nats)) continue;
      context.lineTo(x(frame), y(nats));
      context.fillRect(x(frame) - ratio, y(nats) - ratio, 2 * ratio, 2 * ratio);
    }
    context.stroke();
    context.fillStyle = style.getPropertyValue("--ink");
    context.fillRect(x(this.frame) - ratio / 2, 0, ratio, chart.height);
    byId("entropy-range").textContent = values.length > 1 ? `entropy ${low.toFixed(2)} to ${high.toFixed(2)} nats` : "";
    chart.setAttribute("aria-label", `Entropy of attention over the frames, ${this.known.size} of ${this.count} known`);
  }
}
