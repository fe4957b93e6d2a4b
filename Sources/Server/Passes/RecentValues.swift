/// Values that were used of late, within a number of bytes: the least recently used go first.
struct RecentValues<Key: Hashable, Value> {
    private struct Entry {
        var value: Value
        let bytes: Int
        var lastUse: Int
    }

    let budgetBytes: Int
    private(set) var bytes = 0
    private var entries: [Key: Entry] = [:]
    private var uses = 0

    init(budgetBytes: Int) { self.budgetBytes = budgetBytes }

    var count: Int { entries.count }

    /// Nil where it is not kept.
    mutating func value(_ key: Key) -> Value? {
        uses += 1
        entries[key]?.lastUse = uses
        return entries[key]?.value
    }

    /// What is larger than the budget is not kept.
    mutating func insert(_ value: Value, for key: Key, bytes size: Int) {
        remove(key)
        guard size <= budgetBytes else { return }
        while bytes + size > budgetBytes,
            let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            remove(oldest.key)
        }
        uses += 1
        entries[key] = Entry(value: value, bytes: size, lastUse: uses)
        bytes += size
    }

    mutating func remove(_ key: Key) {
        if let entry = entries.removeValue(forKey: key) { bytes -= entry.bytes }
    }
}
