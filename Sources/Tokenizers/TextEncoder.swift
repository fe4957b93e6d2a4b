/// Text to the ids of its pieces, without what is put before, after and behind it.
protocol TextEncoder: Sendable {
    func ids(of text: Scalars) -> [Int]
}
