// The same table as a dump in MRT's TABLE_DUMP_V2 (RFC 6396), which GoBGP loads. Owns the octets. Contract: pure; the routes
// are of one peer and carry ORIGIN, an empty AS_PATH, NEXT_HOP and one community. Behind them come routes
// outside 10.0.0.0/8, which the sink passes over: GoBGP's client (3.10) ends before all that it has read has left it.
import { addressOf, setOf, type Table } from "./table.ts";

const TABLE_DUMP_V2 = 13;
const PEER_INDEX_TABLE = 1;
const RIB_IPV4_UNICAST = 2;
const HEADER = 12;
const PEER_INDEX = 4 + 2 + 2 + 13;
const ATTRIBUTES = 4 + 3 + 7 + 7;
const RECORD = 4 + 5 + 2 + 8 + ATTRIBUTES;

const TRAILERS = 3_000;
const TRAILER_BASE = 0xac10_0000;

/** @param nextHop unsigned 32 bits */
export function mrtTable({ count, sets }: Table, nextHop: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + PEER_INDEX + (count + TRAILERS) * (HEADER + RECORD));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const u8 = (value: number): void => view.setUint8(at++, value);
  const u16 = (value: number): void => {
    view.setUint16(at, value);
    at += 2;
  };
  const u32 = (value: number): void => {
    view.setUint32(at, value);
    at += 4;
  };
  const header = (subtype: number, length: number): void => {
    u32(0);
    u16(TABLE_DUMP_V2);
    u16(subtype);
    u32(length);
  };
  const route = (index: number, address: number, community: number): void => {
    header(RIB_IPV4_UNICAST, RECORD);
    u32(index);
    u8(32);
    u32(address);
    u16(1);
    u16(0); // the one peer
    u32(0);
    u16(ATTRIBUTES);
    u32(0x4001_0100); // ORIGIN IGP
    u16(0x4002); // AS_PATH
    u8(0);
    u16(0x4003); // NEXT_HOP
    u8(4);
    u32(nextHop);
    u16(0xc008); // COMMUNITIES
    u8(4);
    u32(community);
  };
  header(PEER_INDEX_TABLE, PEER_INDEX);
  u32(0x0aff_ff01); // collector
  u16(0); // no name of the view
  u16(1);
  u8(2); // the AS number has four octets
  u32(0x0aff_ff01);
  u32(nextHop);
  u32(65001);
  for (let i = 0; i < count; i++) route(i, addressOf(i), 65001 * 65536 + setOf(i, sets));
  for (let i = 0; i < TRAILERS; i++) route(count + i, TRAILER_BASE + i, 65001 * 65536);
  return bytes;
}
