"use strict";
(() => {
  const holder = document.getElementById("viewer");
  const data = JSON.parse(document.getElementById("viewer-data").textContent);
  const canvas = document.getElementById("viewer-canvas");
  const form = document.getElementById("viewer-controls");
  const where = document.getElementById("viewer-where");
  const places = [...document.querySelectorAll(".place")];
  let viewer = null;

  const give_up = (why) => {
    const said = document.getElementById("viewer-missing");
    said.textContent =
      `The viewer cannot be drawn: ${why} The slices above show the same clusters, and the maps ` +
      "in the folder group/ can be opened with any other viewer of NIfTI files.";
    said.hidden = false;
    holder.querySelector(".stage").hidden = true;
    form.hidden = true;
    for (const place of places) place.disabled = true;
  };

  const go = (at) => {
    if (viewer === null || !at.every(Number.isFinite)) return;
    viewer.scene.crosshairPos = viewer.mm2frac(at);
    viewer.drawScene();
    viewer.createOnLocationChange();
  };

  const show = () => {
    const all = form.elements.shown.value === "all";
    const threshold = Number(form.elements.threshold.value);
    const [, statistic, significant] = viewer.volumes;
    statistic.opacity = all ? 1 : 0;
    significant.opacity = all ? 0 : 1;
    statistic.cal_min = Number.isFinite(threshold) ? Math.max(threshold, 0) : data.threshold;
    statistic.cal_max = Math.max(data.largest, statistic.cal_min * 1.01);
    form.elements.threshold.disabled = !all;
    statistic.colorbarVisible = all;
    significant.colorbarVisible = !all && data.found;
    viewer.updateGLVolume();
  };

  const tell = ({ mm, values }) => {
    const at = Array.from(mm).slice(0, 3).map((x) => Math.round(x) + 0);
    ["x", "y", "z"].forEach((axis, i) => { form.elements[axis].value = at[i]; });
    const value = values[1] ? values[1].value : NaN;
    const side = at[0] < 0 ? "left" : at[0] > 0 ? "right" : "midline";
    const said = value ? `${data.name} = ${value.toFixed(2)}` : "outside the map";
    where.textContent = `x ${at[0]}, y ${at[1]}, z ${at[2]} mm (${side}): ${said}`;
    for (const place of places) {
      const same = place.dataset.at.split(" ").every((mm, i) => Math.abs(mm - at[i]) < 1);
      place.closest("tr").classList.toggle("here", same);
    }
  };

  const start = async () => {
    if (!document.createElement("canvas").getContext("webgl2")) {
      give_up("this browser has no WebGL 2 (it may be switched off, or the graphics driver is missing).");
      return;
    }
    const made = new niivue.Niivue({
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.2, 0.9, 0.6, 0.9],
      crosshairWidth: 0.6,
      show3Dcrosshair: true,
      isColorbar: true,
      dragAndDropEnabled: false,
      loadingText: "",
      logLevel: "error",
      multiplanarShowRender: niivue.SHOW_RENDER.ALWAYS,
      multiplanarLayout: niivue.MULTIPLANAR_TYPE.GRID,
      isNearestInterpolation: false,
      fontColor: [1, 1, 1, 1],
    });
    await made.attachToCanvas(canvas);
    const scale = {
      colormap: "warm",
      colormapNegative: "winter",
      cal_min: data.threshold,
      cal_max: data.largest,
    };
    const volumes = [
      { name: "template.nii.gz", base64: data.background, colorbarVisible: false },
      { name: "statistic.nii.gz", base64: data.statistic, ...scale },
      { name: "significant.nii.gz", base64: data.significant, ...scale },
    ];
    for (const volume of volumes) {
      made.addVolume(await niivue.NVImage.loadFromBase64(volume));
    }
    made.setInterpolation(false);
    viewer = made;
    viewer.onLocationChange = tell;
    show();
    go(data.at);
    holder.dataset.ready = "yes";
  };

  form.addEventListener("change", (event) => {
    if (viewer !== null && ["shown", "threshold"].includes(event.target.name)) show();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(["x", "y", "z"].map((axis) => Number(form.elements[axis].value)));
  });
  for (const place of places) {
    const row = place.closest("tr");
    row.addEventListener("click", () => {
      go(place.dataset.at.split(" ").map(Number));
      const seen = canvas.getBoundingClientRect();
      if (seen.top > innerHeight - 120 || seen.bottom < 120) {
        holder.scrollIntoView({ block: "nearest" });
      }
    });
  }
  // The wheel scrolls the page unless the viewer was clicked before.
  canvas.parentElement.addEventListener(
    "wheel",
    (event) => { if (document.activeElement !== canvas) event.stopPropagation(); },
    { capture: true, passive: true },
  );
  start().catch((error) => give_up(`${error.message ?? error}.`));
})();
