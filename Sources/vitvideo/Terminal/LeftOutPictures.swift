import Pipeline

/// Which pictures a run had to leave out.
enum LeftOutPictures {
    /// Names and counts them; says nothing where there are none.
    static func print(_ counts: PictureCounts) {
        guard !counts.skipped.isEmpty else { return }
        for reason in counts.skipped { StandardError.line("vitvideo: warning: left out: \(reason)") }
        StandardError.line(
            "vitvideo: \(counts.used) of \(counts.used + counts.skipped.count) pictures used, "
                + "\(counts.skipped.count) left out")
    }
}
