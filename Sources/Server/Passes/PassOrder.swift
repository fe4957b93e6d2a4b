/// Which of the waiting passes comes next.
///
/// Sessions take turns: the one served least recently goes first, and of a session its newest wish. What is wanted in
/// the background waits until nobody wants anything else.
struct PassOrder {
    struct Wish: Equatable {
        let id: Int
        let session: String
        let isBackground: Bool
    }

    /// The oldest first.
    private(set) var wishes: [Wish] = []
    /// By session, when it was served last.
    private var served: [String: Int] = [:]
    private var turn = 0

    /// As many sessions as are remembered without a wish.
    private static let mostSessions = 1024

    mutating func add(_ wish: Wish) { wishes.append(wish) }

    mutating func remove(_ id: Int) { wishes.removeAll { $0.id == id } }

    /// Takes the next wish out.
    mutating func next() -> Wish? {
        let foreground = wishes.filter { !$0.isBackground }
        let candidates = foreground.isEmpty ? wishes : foreground
        // Of equals the last, which is the newest.
        guard
            let chosen = candidates.enumerated().min(by: {
                (served[$0.element.session] ?? 0, -$0.offset) < (served[$1.element.session] ?? 0, -$1.offset)
            })?.element
        else { return nil }
        remove(chosen.id)
        turn += 1
        if served.count >= Self.mostSessions, let oldest = served.min(by: { $0.value < $1.value }) {
            served[oldest.key] = nil
        }
        served[chosen.session] = turn
        return chosen
    }
}
