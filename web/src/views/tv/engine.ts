// Puts a playlist into a video element: by hls.js where the browser has Media Source, natively elsewhere.

export interface Playing {
  end: () => void;
}

export interface Told {
  /** There is nothing to show yet, or the box is away: the engine goes on trying. */
  waiting: (is: boolean) => void;
  /** It cannot be played at all. `gone`: its address is no longer good, a new one may be. */
  failed: (gone: boolean) => void;
}

const AGAIN = 1500;

/** Begins to play `playlist` from `from` seconds on. Loads the player when it is needed first. */
export async function play(video: HTMLVideoElement, playlist: string, from: number, told: Told): Promise<Playing> {
  if (!("MediaSource" in window || "ManagedMediaSource" in window)) return native(video, playlist, from, told);
  const { default: Hls } = await import("hls.js");
  if (!Hls.isSupported()) return native(video, playlist, from, told);
  let timer: number | undefined;
  let broken = 0;
  const hls = new Hls({
    enableWorker: false, // a worker would be made of a blob, which the content security policy forbids
    startPosition: from,
    // A running recording is watched from its beginning, not from its end.
    liveDurationInfinity: false,
    backBufferLength: 60,
    maxBufferLength: 30,
  });
  const again = () => {
    told.waiting(true);
    clearTimeout(timer);
    timer = window.setTimeout(() => hls.loadSource(playlist), AGAIN);
  };
  hls.on(Hls.Events.ERROR, (_, data) => {
    if (!data.fatal) return;
    const status = data.response?.code ?? 0;
    if (status === 404 || status === 410 || status === 401) return told.failed(true);
    // The first part of what has just begun takes some seconds; the box may restart meanwhile.
    if (data.type === Hls.ErrorTypes.NETWORK_ERROR && status !== 415) return again();
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && broken++ < 3) return hls.recoverMediaError();
    told.failed(false);
  });
  hls.on(Hls.Events.FRAG_BUFFERED, () => told.waiting(false));
  hls.attachMedia(video);
  hls.loadSource(playlist);
  return {
    end: () => {
      clearTimeout(timer);
      hls.destroy();
    },
  };
}

function native(video: HTMLVideoElement, playlist: string, from: number, told: Told): Playing {
  const ready = () => {
    told.waiting(false);
    if (from > 0) video.currentTime = from;
  };
  const failed = () => told.failed(false);
  video.addEventListener("loadedmetadata", ready, { once: true });
  video.addEventListener("error", failed);
  video.src = playlist;
  return {
    end: () => {
      video.removeEventListener("loadedmetadata", ready);
      video.removeEventListener("error", failed);
      video.removeAttribute("src");
      video.load();
    },
  };
}
