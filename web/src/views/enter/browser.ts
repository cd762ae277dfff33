// What a session of this browser is called in the owner's list.

/** `Chrome on Android`: rough, from what the browser says of itself. */
export function browser(agent = navigator.userAgent): string {
  const kind = /Firefox/.test(agent) ? "Firefox" : /Edg\//.test(agent) ? "Edge" : /Chrom/.test(agent) ? "Chrome" : /Safari/.test(agent) ? "Safari" : "Browser";
  const system = /Android/.test(agent)
    ? "Android"
    : /iPhone|iPad/.test(agent)
      ? "iPhone or iPad"
      : /Windows/.test(agent)
        ? "Windows"
        : /Mac OS/.test(agent)
          ? "a Mac"
          : /Linux/.test(agent)
            ? "Linux"
            : null;
  return system ? `${kind} on ${system}` : kind;
}
