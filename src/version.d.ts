/** Set by scripts/build.mjs from package.json. */
declare const VIPCAST_VERSION: string;
