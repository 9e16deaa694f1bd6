import { describe, expect, test } from "vitest";
import { Conversation, MAX_BATCH } from "../../src/inject/conversation.ts";
import { Injections } from "../../src/inject/injections.ts";
import { PeerName } from "../../src/kernel/units.ts";

function talk(json = false) {
  const told: string[] = [];
  const injections = new Injections(
    {
      decided: () => null,
      setRoute: (peer, prefix, attributes) =>
        told.push(`${peer}/${prefix.length} ${attributes === null ? "gone" : "there"}`),
    },
    true,
  );
  const tor = PeerName("tor");
  injections.setPeers([tor], [{ name: tor, families: ["ipv4-unicast"], address: null }], [tor]);
  const conversation = new Conversation(injections, { json });
  const say = (line: string): string => {
    const answer = conversation.hear(line);
    if (typeof answer === "string") return answer;
    let text = "";
    for (let part = answer.step(); part !== null; part = answer.step()) text += part;
    return text;
  };
  return { injections, conversation, say, told };
}

describe("line by line", () => {
  test("each line has one answer with its number; empty lines and comments have none, and count", () => {
    const { say } = talk();
    expect(say("add 192.0.2.0/24")).toBe("ok\n");
    expect(say("")).toBe("");
    expect(say("# a comment")).toBe("");
    expect(say("  add 192.0.2.1/24 ")).toBe(
      'error line 4: "192.0.2.1/24" has bits set beyond its length. Write 192.0.2.0/24, or 192.0.2.1/32.\n',
    );
    expect(say("del 198.51.100.0/24\r")).toBe("ok: it was not injected\n");
  });

  test("the same in JSON", () => {
    const { say } = talk(true);
    expect(JSON.parse(say('{"prefix":"192.0.2.0/24"}'))).toEqual({ ok: true, line: 1 });
    expect(JSON.parse(say("fly"))).toEqual({
      ok: false,
      line: 2,
      message: '"fly" is no command',
      hint: "There are: add, del, flush, list, begin, commit, abort.",
    });
    expect(JSON.parse(say("del 198.51.100.0/24"))).toEqual({ ok: true, line: 3, note: "it was not injected" });
  });

  test("list prints commands that inject the same again", () => {
    const first = talk();
    first.say("add 192.0.2.0/24 --community 65000:1 --med 7");
    first.say("add 192.0.2.0/24 --med 8 --peer tor");
    first.say("add 0.0.0.0/0 --allow-default --persist");
    const printed = first.say("list");
    const second = talk();
    for (const line of printed.split("\n")) if (line.startsWith("add ")) expect(second.say(line)).toBe("ok\n");
    expect(second.say("list")).toBe(printed);
    expect(printed.split("\n")).toHaveLength(5);
    expect(first.say("list --peer tor")).toContain("--med 8 --peer tor");
    expect(first.say("list --peer tor")).not.toContain("--med 7");
  });

  test("a line that was too long is told", () => {
    const { conversation } = talk();
    expect(conversation.overlong()).toBe("error line 1: longer than 1048576 octets. Split it.\n");
  });
});

describe("batches", () => {
  test("nothing of a batch is done before its commit, then all of it", () => {
    const { say, told } = talk();
    for (const line of ["begin", "add 192.0.2.0/24", "add 198.51.100.0/25"]) expect(say(line)).toBe("ok\n");
    expect(told).toEqual([]);
    expect(say("commit")).toBe("ok\n");
    expect(told).toEqual(["tor/24 there", "tor/25 there"]);
  });

  test("a line that is wrong, now or at the commit, costs the whole batch", () => {
    const { say, told } = talk();
    say("begin");
    say("add 192.0.2.0/24");
    expect(say("add 192.0.2.1/24")).toContain("error line 3");
    expect(say("commit")).toContain("error line 4: nothing of the batch was done: a line of it was wrong. Correct");
    say("begin");
    say("add 192.0.2.0/24");
    say("add 198.51.100.0/24 --peer to");
    expect(say("commit")).toBe(
      'error line 8: line 7: --peer to: no such BGPPeer selects this node. Did you mean "tor"?\n',
    );
    expect(told).toEqual([]);
  });

  test("a JSON array is a batch of one line", () => {
    const { say, told } = talk();
    expect(say('[{"prefix":"192.0.2.0/24"},{"prefix":"198.51.100.0/24","peers":["x"]}]')).toContain(
      "error line 1: --peer x",
    );
    expect(told).toEqual([]);
    expect(say('[{"prefix":"192.0.2.0/24"},{"command":"del","prefix":"192.0.2.0/24"}]')).toBe("ok\n");
    expect(told).toEqual(["tor/24 there", "tor/24 gone"]);
  });

  test("abort forgets it, and an end without commit is told", () => {
    const { say, conversation, told } = talk();
    say("begin");
    say("add 192.0.2.0/24");
    expect(say("abort")).toBe("ok\n");
    expect(say("commit")).toContain("commit without begin");
    expect(conversation.end()).toBe("");
    say("begin");
    expect(conversation.end()).toContain("the batch was not committed: nothing of it was done");
    expect(told).toEqual([]);
  });

  test("a batch has a bound, and lists and batches have no place in one", () => {
    const { say } = talk();
    say("begin");
    for (let i = 0; i < MAX_BATCH; i++) expect(say(`add 10.0.${i >> 8}.${i & 255}/32`)).toBe("ok\n");
    expect(say("add 192.0.2.0/24")).toContain("more than 10000 changes in one batch");
    expect(say("list")).toContain("list within a batch");
    expect(say("commit")).toContain("2 lines of it were wrong");
  });

  test("flush and add in one batch replace everything at once", () => {
    const { say, injections } = talk();
    say("add 192.0.2.0/24");
    for (const line of ["begin", "flush", "add 198.51.100.0/24", "commit"]) expect(say(line)).toBe("ok\n");
    expect(injections.table.size).toBe(1);
    expect(say("list")).toContain("add 198.51.100.0/24");
  });

  test("a body is all or nothing", () => {
    const { conversation, told } = talk();
    expect(conversation.hearAll("add 192.0.2.0/24\n\nadd 192.0.2.1/24\n")).toEqual({
      ok: false,
      answer: expect.stringContaining("error line 3"),
    });
    expect(told).toEqual([]);
    expect(talk().conversation.hearAll("add 192.0.2.0/24\nlist\n").answer).toContain("list has no place here");
    expect(talk().conversation.hearAll("# nothing\nadd 192.0.2.0/24\nadd 198.51.100.0/24\n")).toEqual({
      ok: true,
      answer: "ok\n",
    });
  });
});
