// A worker: makes a small picture of a whole one, which is decoded once.

self.onmessage = async ({ data: { id, blob, most } }) => {
  try {
    const whole = await createImageBitmap(blob);
    const { width, height } = whole;
    const scale = Math.min(1, most / width);
    const canvas = new OffscreenCanvas(Math.ceil(width * scale), Math.ceil(height * scale));
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "medium";
    context.drawImage(whole, 0, 0, canvas.width, canvas.height);
    whole.close();
    self.postMessage({ id, width, height, small: await canvas.convertToBlob({ type: "image/webp", quality: 0.8 }) });
  } catch (failure) {
    self.postMessage({ id, failure: String(failure) });
  }
};
