/** A place in a LinkedList. It belongs to one item for ever and to at most one list at a time. */
export class ListNode<T> {
  readonly item: T;
  list: LinkedList<T> | undefined;
  previous: ListNode<T> | undefined;
  next: ListNode<T> | undefined;

  constructor(item: T) {
    this.item = item;
  }

  /** Leaves its list, if it is in one. */
  unlink(): void {
    this.list?.remove(this);
  }
}

/** A doubly linked list whose nodes its items own, so that leaving from the middle costs nothing to find. */
export class LinkedList<T> {
  #head: ListNode<T> | undefined;
  #tail: ListNode<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get head(): ListNode<T> | undefined {
    return this.#head;
  }

  get tail(): ListNode<T> | undefined {
    return this.#tail;
  }

  append(node: ListNode<T>): void {
    this.insertBefore(node, undefined);
  }

  /** Puts a node, which must be in no list, before another of this list; before none is the end. */
  insertBefore(node: ListNode<T>, successor: ListNode<T> | undefined): void {
    const predecessor = successor === undefined ? this.#tail : successor.previous;
    node.list = this;
    node.previous = predecessor;
    node.next = successor;
    if (predecessor === undefined) this.#head = node;
    else predecessor.next = node;
    if (successor === undefined) this.#tail = node;
    else successor.previous = node;
    this.#size++;
  }

  remove(node: ListNode<T>): void {
    if (node.previous === undefined) this.#head = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#tail = node.previous;
    else node.next.previous = node.previous;
    node.list = undefined;
    node.previous = undefined;
    node.next = undefined;
    this.#size--;
  }
}
