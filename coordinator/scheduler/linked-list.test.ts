import { expect, test } from "vitest";
import { LinkedList, ListNode } from "./linked-list.js";

function contents<T>(list: LinkedList<T>): T[] {
  const items: T[] = [];
  for (let node = list.head; node !== undefined; node = node.next) items.push(node.item);
  const backwards: T[] = [];
  for (let node = list.tail; node !== undefined; node = node.previous) backwards.unshift(node.item);
  expect(backwards).toEqual(items);
  expect(list.size).toBe(items.length);
  return items;
}

test("keeps order through appending, inserting and removing anywhere", () => {
  const list = new LinkedList<string>();
  const [a, b, c, d] = ["a", "b", "c", "d"].map((item) => new ListNode(item)) as [
    ListNode<string>,
    ListNode<string>,
    ListNode<string>,
    ListNode<string>,
  ];
  list.append(b);
  list.append(d);
  list.insertBefore(a, b);
  list.insertBefore(c, d);
  expect(contents(list)).toEqual(["a", "b", "c", "d"]);
  b.unlink();
  expect(contents(list)).toEqual(["a", "c", "d"]);
  a.unlink();
  d.unlink();
  expect(contents(list)).toEqual(["c"]);
  c.unlink();
  expect(contents(list)).toEqual([]);
});

test("lets a node move between lists, and leave none", () => {
  const first = new LinkedList<number>();
  const second = new LinkedList<number>();
  const node = new ListNode(1);
  first.append(node);
  node.unlink();
  node.unlink();
  second.append(node);
  expect(contents(first)).toEqual([]);
  expect(contents(second)).toEqual([1]);
  expect(node.list).toBe(second);
});
