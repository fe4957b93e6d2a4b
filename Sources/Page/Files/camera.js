// Live attention of the camera: the newest picture is sent when the last one's maps are there, so that none waits.

import * as api from "./api.js";

/** The longer side of what is sent, in pixels. */
const longest = 640;

export class Camera {
  constructor() {
    this.video = document.createElement("video");
    this.video.muted = true;
    this.video.playsInline = true;
  }

  get isOn() { return Boolean(this.stream); }

  /**
   * Begins, and shows picture after picture until `stop`.
   *
   * @param items gives the request's items for the next picture.
   * @param show told each picture with its record and its maps.
   */
  async start(items, show) {
    if (!navigator.mediaDevices) throw new Error("browsers give it to pages of this machine alone");
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } } });
    this.video.srcObject = this.stream;
    await this.video.play();
    this.abort = new AbortController();
    const { signal } = this.abort;
    const canvas = new OffscreenCanvas(1, 1);
    while (this.isOn && !signal.aborted) {
      const { videoWidth, videoHeight } = this.video;
      const scale = Math.min(1, longest / Math.max(videoWidth, videoHeight, 1));
      canvas.width = Math.max(1, Math.round(videoWidth * scale));
      canvas.height = Math.max(1, Math.round(videoHeight * scale));
      canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height);
      const body = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
      const bitmap = await createImageBitmap(body);
      const { shape, data, about } = await api.array("live", items(), { method: "POST", body, signal });
      const size = shape[1] * shape[2];
      const heads = Array.from({ length: shape[0] }, (_, i) => data.subarray(i * size, (i + 1) * size));
      if (this.isOn) show(bitmap, about, heads);
    }
  }

  stop() {
    this.abort?.abort();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }
}
