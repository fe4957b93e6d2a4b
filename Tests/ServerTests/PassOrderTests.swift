import Testing

@testable import Server

/// Which pass comes next, and what is kept.
@Suite struct PassOrderTests {
    private func order(_ wishes: (Int, String, Bool)...) -> PassOrder {
        var order = PassOrder()
        for (id, session, isBackground) in wishes {
            order.add(PassOrder.Wish(id: id, session: session, isBackground: isBackground))
        }
        return order
    }

    private func drain(_ order: PassOrder) -> [Int] {
        var order = order
        var ids: [Int] = []
        while let wish = order.next() { ids.append(wish.id) }
        return ids
    }

    @Test func theNewestOfASessionGoesFirst() {
        #expect(drain(order((1, "a", false), (2, "a", false), (3, "a", false))) == [3, 2, 1])
    }

    @Test func sessionsTakeTurns() {
        #expect(
            drain(order((1, "a", false), (2, "a", false), (3, "a", false), (4, "b", false), (5, "c", false)))
                == [5, 4, 3, 2, 1])
        var turns = order((1, "a", false), (2, "b", false))
        #expect(turns.next()?.id == 2)
        // B asks again at once, and A has waited longer.
        turns.add(PassOrder.Wish(id: 3, session: "b", isBackground: false))
        #expect(turns.next()?.id == 1)
    }

    @Test func theBackgroundWaits() {
        #expect(drain(order((1, "a", true), (2, "b", false), (3, "c", true))) == [2, 3, 1])
    }

    @Test func whatIsRemovedDoesNotCome() {
        var order = order((1, "a", false), (2, "a", false))
        order.remove(2)
        #expect(drain(order) == [1])
    }

    @Test func theLeastRecentlyUsedGoes() {
        var values = RecentValues<String, Int>(budgetBytes: 30)
        values.insert(1, for: "a", bytes: 10)
        values.insert(2, for: "b", bytes: 10)
        values.insert(3, for: "c", bytes: 10)
        #expect(values.value("a") == 1)
        values.insert(4, for: "d", bytes: 15)
        #expect(values.value("b") == nil && values.value("c") == nil)
        #expect(values.value("a") == 1 && values.value("d") == 4 && values.bytes == 25)
        // Too large for the budget: the others stay.
        values.insert(5, for: "e", bytes: 31)
        #expect(values.value("e") == nil && values.count == 2)
        values.insert(6, for: "a", bytes: 1)
        #expect(values.bytes == 16)
    }
}
