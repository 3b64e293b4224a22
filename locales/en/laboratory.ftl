# Screening, samples, laboratories
tab-sampling = Sampling
tab-lab = Laboratory
tab-pools = Pools
tab-screening = Tests due
tab-plans = Rounds
action-take-samples = scan people and tubes
action-run-lab = receive tubes and report results
action-view-screening = see who is due for a test
action-plan-rounds = plan and open rounds
action-follow-pools = follow pools
action-diagnose-cases = say that somebody is a case
fact-tube_step = step of a tube
fact-screening_round = screening round
fact-group_member = member of a key group
fact-group_pause = pause from testing

rule-tube-barcode = A barcode has 4 to 40 letters, digits or - _ . signs. Scan it again
rule-tube-barcode-used = This barcode was used before. Take a new tube and put this one aside
rule-tube-capacity = A tube holds 1, 5, 10 or 20 swabs; a household's at most 10
rule-tube-full = The tube is full. Close it and open the next one
rule-tube-person-twice = This person is in this tube already
rule-tube-empty = Nobody is in the tube. Scan who is, or put it back
rule-tube-clock = This lies before the step that it follows. Set the phone's clock right and scan again
rule-tube-closed = The tube is closed. Open a new one
rule-tube-not-closed = Close the tube first, then send or receive it
rule-tube-here-already = The tube has come in already
rule-tube-gone = The tube is closed or on its way already
rule-tube-unknown = No such tube was opened. Check the barcode, or open it first
rule-tube-of-another-desk = This tube belongs to another desk. Take one of yours
rule-tube-of-another-box = This tube was sent in another box. Check the box
rule-tube-in-another-box = This tube is in another box already
rule-swab-in-round = This person has a swab in this round. To take another, tick "once more"
rule-sample-who = Scan a document, or give name and telephone
rule-round-over = This round does not run at that time. Choose one that does
rule-box-temperature = A temperature lies between -90 and 60 °C
rule-too-many = Too many at once: send them in parts
rule-result-unknown-tube = No tube has this barcode. Check it, or let the desk scan the tube
rule-result-open-tube = The tube is still open. Let the desk close it first
rule-result-ahead = The result lies later than now. Set the clock of the analyser right
rule-result-before-sampling = The result is older than the sample. Check barcode and time
rule-result-contradicts = Another result is on record. If it was wrong, mark this one as a correction
rule-case-single-positive = Only somebody with a positive single sample can be a case
rule-round-hours = Give 1 to 168 hours
rule-round-sites = One site a line: name, space, number of desks; each name once
rule-round-name = There is a round of this name today
rule-plan-number = Give a number above zero
rule-plan-share = Give a number between 0 and 1
rule-self-test-old = Tests older than 48 hours are not entered

outcome-negative = Negative
outcome-positive = Positive
outcome-grey = Grey zone
outcome-invalid = Invalid
tube-place-desk = At the desk, open
tube-place-closed = Closed, not sent
tube-place-on-the-way = On its way
tube-place-lab = In the laboratory
tube-barcode = Barcode
tube-barcode-hint = Scan or type it
tube-kind = How many swabs
tube-swabs = Swabs
tube-box = Box
box-temperature = Box, °C
kind-single = Single
kind-pool = { $n } in one
kind-household = Household
sampling-told = Works without a network; scans are sent later
sampling-full = Full: close it
sampling-no-tube = No open tube
sampling-open = 1 Open a tube
sampling-open-do = Open the tube
sampling-swab = 2 Scan a person
sampling-who = Document number
sampling-who-hint = Scan the identity card, or type its number
sampling-no-papers = Without papers
sampling-again = Once more (has a swab in this round)
sampling-swab-do = Into this tube
sampling-seal = 3 Close the tube
sampling-seal-do = Close the tube
sampling-send = 4 Send in a box
sampling-send-do = Into the box
tubes-here = Tubes at desks
tubes-here-told = Not sent yet
tubes-here-none = None. An opened tube appears here.
round = Round
round-none = No round
round-desk = Sampling desk
desk-none = Not given

lab-span = { $h } h { $m } min
lab-late = { $n ->
    [one] 1 tube late
   *[other] { $shown } tubes late
}
lab-in-time = All in time
lab-owed = { $n ->
    [one] 1 tube without a result
   *[other] { $shown } tubes without a result
}
lab-scan = Receive by scan
lab-scan-told = The cursor stays here
lab-scan-in = Received
lab-scan-repeat = Received before
lab-scan-bad = Not received
lab-scan-cut = Not saved: scan it again when the network is back
lab-swabs = { $n ->
    [one] 1 swab
   *[other] { $shown } swabs
}
lab-box = Box
lab-receive = Receive
lab-waiting = Tubes without a result
lab-waiting-told = Least time left first
lab-waiting-none = No tube waits for a result.
lab-left = Time left
lab-stuck = Stuck at
lab-over = Late by { $span }
lab-result = One result by hand
lab-outcome = Result
lab-corrects = Corrects an earlier result
lab-result-do = Report it
lab-result-in = The result of { $code } is saved
lab-file = Results as a table
lab-file-told = CSV or XLSX: barcode, result, reported_at
lab-file-do = Send
lab-file-report = { $taken } rows taken, { $back } handed back
lab-file-row = Row { $row }
lab-file-mend = Mend the rows here
lab-file-again = Send again
lab-messages = Messages to mend
lab-messages-told = HL7 v2 and FHIR that could not be taken in
lab-messages-none = None. A message that cannot be taken in appears here with the reason.
lab-message-unnamed = (no number)
lab-message-why = Why it was not taken in
lab-message-text = Message
lab-message-hint = This reading is on record. Mend it and try again; once taken in, the text goes.
lab-message-retry = Try again
lab-message-drop = Drop it
lab-times = Time to a result
lab-times-told = Last 7 days, from the first swab to the result
lab-times-none = No result in the last 7 days.
lab-name = Laboratory
lab-p50 = Half within
lab-p90 = Nine in ten within
lab-results = With a result
lab-unscanned = Not received by scan

pools-told = Pools that are positive, grey or invalid
pools-none = None. When there is one, its members are asked to wait at once.
pool-signal = Signal
pool-signal-at = told { $at }
pool-open = Without a verdict
pool-late-count = { $n ->
    [one] 1 step late
   *[other] { $shown } steps late
}
pool-in-time = All in time
pool-pending = Being followed
pool-not-confirmed = Not confirmed, all negative
pool-cases = Has a case
pool-late = { $what } late by { $m } min
pool-wait-told = Members are asked to wait, without any colour. It ends by itself with their own negative single sample, at the ceiling at the latest.
pool-invalid-told = The result is invalid: members are sampled again, and nobody has to wait.
pool-clocks = Time limits
pool-clock-called = All called
pool-clock-reached = All reached
pool-clock-resampled = All sampled singly
pool-clock-ceiling = Nobody waits after
pool-waiting = { $n ->
    [one] 1 person waits
   *[other] { $shown } people wait
}
pool-members = Members
pool-wait = Wait
pool-waits = waits, until { $at } at the latest
pool-wait-over = over since { $at }
pool-no-wait = need not wait
pool-step-call = Called
pool-step-reach = Reached
pool-step-resample = Sampled
pool-step-result = Result
pool-single = Single result
pool-report = Direct report
pool-to-assess = to be assessed as a contact
pool-called-do = Called
pool-reached-do = Reached
pool-case-asymptomatic = Asymptomatic infection
pool-case-confirmed = Confirmed case

due-told = This is a list of reminders. A missed test changes no colour and restricts nobody.
due-count = { $n ->
    [one] 1 person is due
   *[other] { $shown } people are due
}
due-people = { $n ->
    [one] of 1 person in key groups
   *[other] of { $shown } people in key groups
}
due-unknown = { $n ->
    [one] 1 entry of a group that the catalogue does not have
   *[other] { $shown } entries of groups that the catalogue does not have
}
due-late = { $n ->
    [one] 1 due before today
   *[other] { $shown } due before today
}
due-day = Day
due-show = Show
due-no-catalogue = No version of the catalogue holds on this day.
due-none = Nobody is due.
due-since = Due since
due-today = today
due-group = Group
due-often = How often
due-pool = Pooling
due-owner = Department
due-members = Members
due-due = Due
due-reminded = Reminded
due-remind = Mark as reminded
key-groups = Key groups
often-daily = daily
often-days = every { $n } days
often-week = { $n } a week
often-rota = in turn, { $n } days
pool-mode-single = single
pool-mode-household = household
pool-mode-pool5 = 5 in one
pool-mode-pool10 = 10 in one
pool-mode-pool20 = 20 in one
owner-customs = customs
owner-port-office = port office
owner-market-regulation = market regulation
owner-health = health
owner-post = post
owner-culture-tourism = culture and tourism
owner-housing = housing
owner-transport = transport
owner-commerce = commerce
owner-education = education
owner-civil-affairs = civil affairs
owner-justice = justice
self-tests = Self-tests to follow
self-tests-guide = How to test
self-tests-none = None. A positive self-test becomes a task here and changes nobody's status.
self-test-taken = Taken
self-test-due = Fetch by
self-test-by = by { $at }
self-test-done = nucleic test { $at }

plans-told = Whether it suffices, before a round is opened
plan-in-time = done in { $h } h, in time
plan-too-late = done in { $h } h, too late
plan-binds = What binds: { $what }
plan-limit-desks = desks
plan-limit-samplers = samplers
plan-limit-laboratory = the laboratory
plan-limit-open-hours = open hours
plan-sites = Sampling sites
plan-desks-working = Sampling desks
plan-staff = People, all shifts
plan-samplers-guideline = Samplers (people ÷ 360)
plan-tubes = Tubes
plan-reactions = Reactions
plan-sampling-hours = Sampling
plan-lab-hours = Laboratory
plan-sizes = Pool sizes
plan-sizes-told = Tests per person = 1/n + 1 − (1 − p)ⁿ. Larger pools miss more by dilution.
plan-array = Square of 10 × 10: { $n } a person
plan-size = Size
plan-tests = Tests a person
plan-found = Found
plan-cleared = Cleared
plan-ct = Ct higher by
plan-fewest = fewest tests
plan-chosen = this plan
plan-form = What is given
plan-form-told = Rates are known on the spot
plan-do = Compute
plan-population = People
plan-prevalence = Share infected
plan-pool = People in a tube
plan-sensitivity = Sensitivity
plan-specificity = Specificity
plan-per-desk-hour = People a desk and hour
plan-open-hours = Open hours
plan-people-per-site = People a site
plan-machines = Machines
plan-samples-per-run = Samples a run
plan-run-minutes = Minutes a run
plan-transport-minutes = Minutes to the laboratory
plan-desks = Desks there are (empty: enough)
plan-samplers = Samplers there are (empty: enough)
plan-target-hours = Hours in which it has to end
plan-ct-mean = Mean Ct of the infected (empty: no dilution)
plan-ct-sd = Its standard deviation
plan-ct-limit = Highest Ct found
rounds = How far rounds have come
rounds-none = None was opened yet.
round-runs = runs
round-over = over
round-not-negative = Not negative
round-new = Open a round
round-new-told = From now on; it ends by itself
round-name = Name
round-hours = Hours
round-capacity = Swabs a tube
round-sites = Sites and desks
round-sites-hint = One a line, such as: Dongfeng Road school 4
round-open-do = Open the round

antigen-title = The antigen test at home
antigen-told = The result is a record and a task. It changes no health code and proves no illness.
antigen-1 = Swab both sides of the nose, 2 cm deep, 4 turns each
antigen-2 = Stir the swab 10 times in the tube, and press it out
antigen-3 = Put 3 drops into the hole
antigen-4 = Read it after { $from } to { $to } minutes, not later
antigen-read = How to read it
antigen-then-positive = Two lines. Stay in, wear a mask and wait for the community. A car takes you to the fever clinic for a nucleic test.
antigen-then-negative = Only line C, no symptoms: nothing more to do.
antigen-then-negative-ill = Only line C, but symptoms: go to the fever clinic. If you cannot, stay in and test on 5 days running.
antigen-then-invalid = No line C: take a new kit and test again.
antigen-received = Received
antigen-enter = Enter my result
antigen-saw = What you see
antigen-minutes = Minutes since the swab
antigen-lot = Lot of the kit
antigen-send = Enter
antigen-link = To enter a result use the link to your own page, from the community.
antigen-vaccine = Within 24 hours after an inactivated vaccine a positive may be wrong.
my-test-due = Your test has been due since { $day }. Missing it changes no colour.
my-antigen = Enter an antigen self-test
certificates-title = Verify a certificate
certificates-trusted = { $n ->
    [one] 1 signer trusted
   *[other] { $shown } signers trusted
}
certificates-believed = The signature is trusted
certificates-not-believed = Not believed
certificates-name = Holder
certificates-kind = Statement
certificates-issuer = Issued by
certificates-compare = Compare name and day of birth with the passport. Nothing of it is stored.
certificates-text = Text of the QR code
certificates-hint = It begins with HC1:
certificates-do = Verify
certificates-vaccination = Vaccination
certificates-test = Test
certificates-recovery = Recovery
